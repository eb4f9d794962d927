#[test]
fn timing() {
    use crate::world::*;
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        for n in 1..=40 {
            let t = std::time::Instant::now();
            lake.commit(numbered("s", n)).await.expect("x");
            let c = t.elapsed();
            let t = std::time::Instant::now();
            lake.versions().await.expect("v");
            let v = t.elapsed();
            let t = std::time::Instant::now();
            let w = if n % 10 == 0 { whole_batches(&latest(&lake).await, "s").await; t.elapsed() } else { t.elapsed() };
            if n % 5 == 0 { println!("{n} commit {c:?} versions {v:?} whole {w:?}"); }
        }
    });
}
