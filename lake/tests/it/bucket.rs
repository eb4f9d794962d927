//! A lake in a bucket: the same rows and digests as in a folder, with two writers at once, and no secret ever shown.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lake::{AsOf, Lake, LakeError, Location};

use crate::tools::program;
use crate::worker::Worker;
use crate::world::{digests, latest, numbered, skipped, temporary_folder, wait, whole_batches};
use crate::writers::{holds_both, one_after_another};

/// Fewer than in a folder: the emulator is slow.
const BATCHES: i64 = 2;
const SECRET: &str = "hush-hush-secret";

/// An S3 emulator with one bucket.
struct Emulator {
    server: Child,
    options: BTreeMap<String, String>,
}

impl Emulator {
    fn start(test: &str) -> Option<Self> {
        let Some(moto) = program("moto_server") else {
            skipped(test, "no `moto_server`, the S3 emulator");
            return None;
        };
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port is free").port();
        let server = Command::new(moto)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the emulator starts");
        let options = [
            ("endpoint", format!("http://127.0.0.1:{port}")),
            ("region", "us-east-1".to_owned()),
            ("allow_http", "true".to_owned()),
            ("access_key_id", "a-key".to_owned()),
            ("secret_access_key", SECRET.to_owned()),
        ];
        let options = options.map(|(name, value)| (name.to_owned(), value)).into();
        let mut emulator = Self { server, options };
        let started = Instant::now();
        while !make_bucket(port) {
            let is_running = emulator.server.try_wait().is_ok_and(|ended| ended.is_none());
            if !is_running || started.elapsed() > Duration::from_mins(1) {
                skipped(test, "`moto_server` does not answer; are its extras `server` and `s3` installed?");
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(emulator)
    }

    fn place(&self, place: &str) -> Location {
        Location::parse(place, &self.options).expect("it is a bucket")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn make_bucket(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        let host = format!("127.0.0.1:{port}");
        write!(stream, "PUT /lakes HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[test]
fn two_processes_write_one_bucket() {
    let Some(emulator) = Emulator::start("bucket::two_processes_write_one_bucket") else { return };
    let place = "s3://lakes/some where/50%25";
    let mut workers = ["a", "b"].map(|stream| Worker::start_with(place, &emulator.options, stream, BATCHES, None));
    for worker in &mut workers {
        assert!(worker.finish(), "a writer failed");
    }
    let calm = temporary_folder();
    wait(async {
        let lake = Lake::open(&emulator.place(place)).await.expect("the lake opens");
        holds_both(&lake, BATCHES).await;
        let calm = one_after_another(&calm, BATCHES).await;
        assert_eq!(digests(&lake, AsOf::Latest).await, digests(&calm, AsOf::Latest).await);
    });
}

#[test]
fn a_writer_of_a_bucket_is_cut_off_and_the_next_one_finishes() {
    let Some(emulator) = Emulator::start("bucket::a_writer_of_a_bucket_is_cut_off_and_the_next_one_finishes") else {
        return;
    };
    let place = "s3://lakes/cut";
    wait(async {
        let lake = Lake::open_or_create(&emulator.place(place)).await.expect("the lake opens");
        lake.commit(numbered("a", 1)).await.expect("the batch is committed");
    });
    // Raw page, claim, three files of rows and the manifest are six changes of the store; then come the tables.
    for (number, abort_at) in [(2, 4), (2, 9), (3, 12), (4, 14)] {
        assert!(!Worker::start_with(place, &emulator.options, "a", number, Some(abort_at)).finish());
        wait(async {
            let reader = Lake::open(&emulator.place(place)).await.expect("the lake opens");
            whole_batches(&latest(&reader).await, "a").await;
        });
    }
    assert!(Worker::start_with(place, &emulator.options, "a", 4, None).finish());
    wait(async {
        let lake = Lake::open(&emulator.place(place)).await.expect("the lake opens");
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1, 2, 3, 4]);
        assert_eq!(lake.versions().await.expect("versions").len(), 4);
    });
}

#[test]
fn no_secret_is_shown() {
    let options: BTreeMap<String, String> = [
        ("endpoint", "http://127.0.0.1:9"),
        ("region", "us-east-1"),
        ("allow_http", "true"),
        ("access_key_id", "a-key"),
        ("secret_access_key", SECRET),
        ("token", SECRET),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut shown = Vec::new();
    let place = Location::parse("s3://lakes/x", &options).expect("it is a bucket");
    shown.push(format!("{place} {place:?}"));
    for (name, value) in [("no_such_option", SECRET), ("allow_http", SECRET), ("conditional_put", SECRET)] {
        let mut options = options.clone();
        options.insert(name.to_owned(), value.to_owned());
        let place = Location::parse("s3://lakes/x", &options).expect("it is a bucket");
        if let Err(error) = wait(Lake::open(&place)) {
            shown.push(chain(&error));
        }
    }
    if let Some(emulator) = Emulator::start("bucket::no_secret_is_shown") {
        wait(async {
            let lake = Lake::open_or_create(&emulator.place("s3://lakes/y")).await.expect("the lake opens");
            shown.push(format!("{lake:?} {:?}", latest(&lake).await));
            let error = Lake::open(&emulator.place("s3://lakes/nothing")).await.expect_err("there is no lake");
            assert!(matches!(error, LakeError::Missing { .. }), "{error:?}");
            shown.push(chain(&error));
            let error = Lake::open_or_create(&emulator.place("s3://other/y")).await.expect_err("there is no bucket");
            shown.push(chain(&error));
        });
        assert!(shown.len() >= 5);
    }
    for shown in shown {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

fn chain(error: &LakeError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text} {error}");
        source = error.source();
    }
    text
}
