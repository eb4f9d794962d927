//! A server on this machine that lists the commits of one repository as GitHub does, each answer after a fixed delay.
//! Pages are made before the first request, so that serving costs next to nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many commits the repository has.
pub const COMMITS: usize = 10_000;

/// A server that runs until the process ends.
#[derive(Debug)]
pub struct CommitServer {
    address: SocketAddr,
    asked: Arc<AtomicU64>,
}

impl CommitServer {
    /// Starts it; every answer takes `delay`.
    ///
    /// # Errors
    /// [`std::io::Error`] where no port is free.
    pub fn start(delay: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let asked: Arc<AtomicU64> = Arc::default();
        let pages = Arc::new(Pages::new(address));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, count) = (pages.clone(), count.clone());
                std::thread::spawn(move || serve(stream, &pages, &count, delay));
            }
        });
        Ok(Self { address, asked })
    }

    /// Its address.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins to count requests anew.
    pub fn forget(&self) {
        self.asked.store(0, Ordering::Relaxed);
    }

    /// How many requests came since then.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The list in pages of 30 and of 100.
struct Pages {
    address: SocketAddr,
    of_30: Vec<String>,
    of_100: Vec<String>,
}

impl Pages {
    fn new(address: SocketAddr) -> Self {
        let commits: Vec<String> = (0..COMMITS).map(commit).collect();
        let cut = |size: usize| commits.chunks(size).map(|page| format!("[{}]", page.join(","))).collect();
        Self { address, of_30: cut(30), of_100: cut(100) }
    }

    /// Body and `Link` of a target.
    fn answer(&self, target: &str) -> (String, Option<String>) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let field = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        // A repository is reached by its name and by its number.
        let below = ["/repos/acme/api", "/repositories/1"].into_iter().find_map(|place| path.strip_prefix(place));
        match below {
            Some("") => return (REPOSITORY.to_owned(), None),
            Some("/commits") => {}
            _ => return ("[]".to_owned(), None),
        }
        // All commits are younger than whatever a reading of all of them begins with.
        if field("until").is_some() {
            return ("[]".to_owned(), None);
        }
        let size: usize = field("per_page").and_then(|size| size.parse().ok()).unwrap_or(30);
        if size == 1 {
            return (format!("[{}]", commit(0)), None);
        }
        let pages = if size >= 100 { &self.of_100 } else { &self.of_30 };
        let page: usize = field("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let body = pages.get(page - 1).cloned().unwrap_or_else(|| "[]".to_owned());
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
        let next = (page < pages.len()).then(|| {
            let own = format!("page={}", page + 1);
            let query = kept.iter().copied().chain([own.as_str()]).collect::<Vec<_>>().join("&");
            format!("<http://{}{path}?{query}>; rel=\"next\"", self.address)
        });
        (body, next)
    }
}

fn serve(stream: TcpStream, pages: &Pages, count: &AtomicU64, delay: Duration) {
    let Ok(reading) = stream.try_clone() else { return };
    let (mut reading, mut writing) = (BufReader::new(reading), stream);
    loop {
        let mut line = String::new();
        if reading.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
        let mut header = String::new();
        while header != "\r\n" {
            header.clear();
            if reading.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
        }
        count.fetch_add(1, Ordering::Relaxed);
        let (body, next) = pages.answer(&target);
        std::thread::sleep(delay);
        let link = next.map(|next| format!("link: {next}\r\n")).unwrap_or_default();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
             date: Thu, 01 Jan 2026 20:40:00 GMT\r\n{link}x-ratelimit-limit: 5000\r\n\
             x-ratelimit-remaining: 4999\r\nx-ratelimit-reset: 2000000000\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if writing.write_all(head.as_bytes()).and_then(|()| writing.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

const REPOSITORY: &str = r#"{"id":1,"name":"api","full_name":"acme/api","owner":{"login":"acme","id":1,"type":"Organization"},
"private":false,"fork":false,"archived":false,"disabled":false,"default_branch":"main",
"created_at":"2024-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","pushed_at":"2026-01-01T00:00:00Z"}"#;

/// The commit number `number`, the newest first, an hour apart: with every field that GitHub sends in a list.
fn commit(number: usize) -> String {
    let sha = |number: usize| format!("{:040x}", (number as u128 + 1) * 0x9E37_79B9_7F4A_7C15_F39C_C060);
    let (own, parent) = (sha(number), sha(number + 1));
    let seconds = 1_767_225_600 - i64::try_from(number).expect("a small number") * 3600;
    let at = lake::Instant::from_seconds(seconds);
    let author = number % 40;
    let account = format!(
        r#"{{"login":"dev{author}","id":{author},"node_id":"MDQ6VXNlcjE{author}","avatar_url":"https://avatars.example/u/{author}?v=4",
"gravatar_id":"","url":"https://api.example/users/dev{author}","html_url":"https://example/dev{author}",
"followers_url":"https://api.example/users/dev{author}/followers","repos_url":"https://api.example/users/dev{author}/repos",
"events_url":"https://api.example/users/dev{author}/events{{/privacy}}","type":"User","site_admin":false}}"#
    );
    let person = format!(r#"{{"name":"Developer {author}","email":"dev{author}@example.com","date":"{at}"}}"#);
    let parents = if number + 1 < COMMITS {
        format!(
            r#"[{{"sha":"{parent}","url":"https://api.example/repos/acme/api/commits/{parent}","html_url":"https://example/acme/api/commit/{parent}"}}]"#
        )
    } else {
        "[]".to_owned()
    };
    format!(
        r#"{{"sha":"{own}","node_id":"C_{own}","commit":{{"author":{person},"committer":{person},
"message":"Change number {number}\n\nWhat it is for, in a few words that a commit usually has.","tree":{{"sha":"{parent}",
"url":"https://api.example/repos/acme/api/git/trees/{parent}"}},"url":"https://api.example/repos/acme/api/git/commits/{own}",
"comment_count":0,"verification":{{"verified":false,"reason":"unsigned","signature":null,"payload":null}}}},
"url":"https://api.example/repos/acme/api/commits/{own}","html_url":"https://example/acme/api/commit/{own}",
"comments_url":"https://api.example/repos/acme/api/commits/{own}/comments","author":{account},"committer":{account},
"parents":{parents}}}"#
    )
}
