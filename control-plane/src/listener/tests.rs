//! Clients of a small server: patient ones, and those that hold things up.

use super::*;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures_util::FutureExt;
use tokio::io::duplex;
use tokio::time::Instant;

fn router() -> Router {
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let slow = || async {
        sleep(Duration::from_secs(1)).await;
        "done"
    };
    let endless = || async {
        let parts = futures_util::stream::repeat_with(|| Ok::<_, Infallible>("x".repeat(4096)));
        Body::from_stream(parts)
    };
    let length = |body: Bytes| async move { body.len().to_string() };
    Router::new()
        .route("/endless", get(endless))
        .route("/length", post(length))
        .route("/who", get(who))
        .route("/slow", get(slow))
}

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinSet<()>,
}

impl Served {
    async fn start(patience: Http) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap(), "a test")
            .await
            .unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let mut task = JoinSet::new();
        let served = (Admission::Anybody, router());
        task.spawn(serve(listener, served, Limits::new(patience), stop.clone()));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn stop(&mut self) -> Duration {
        let start = Instant::now();
        self.stop.cancel();
        self.task.join_next().await.unwrap().unwrap();
        start.elapsed()
    }
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

fn patience(connections: usize) -> Http {
    Http {
        connections,
        header_timeout_s: 1,
        answer_stall_s: 1,
        stop_grace_s: 2,
        ..Http::default()
    }
}

const WHO: &str = "GET /who HTTP/1.1\r\nhost: a\r\n\r\n";
const ENDLESS: &str = "GET /endless HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other_and_knows_its_peer() {
    let served = Served::start(patience(1)).await;
    let mut stream = served.send(WHO).await;
    let peer = stream.local_addr().unwrap().to_string();
    for _ in 0..2 {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await.unwrap();
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with(&peer),
            "{answer}"
        );
        stream.write_all(WHO.as_bytes()).await.unwrap();
    }
}

/// The answer to one more client, who asks for nothing but that.
async fn next(served: &Served) -> String {
    let last = WHO.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let next = served.send(&last).await;
    timeout(Duration::from_secs(20), rest(next)).await.unwrap()
}

#[tokio::test]
async fn headers_that_never_end_are_408_and_a_client_that_is_silent_is_told_nothing() {
    let served = Served::start(patience(9)).await;
    let stalled = served.send("GET /who HTTP/1.1\r\nhost:").await;
    let silent = served.send("").await;
    let idle = served.send(WHO).await;
    let refused = rest(stalled).await;
    assert!(refused.starts_with("HTTP/1.1 408 "), "{refused}");
    assert_eq!(rest(silent).await, "");
    let answered = rest(idle).await;
    assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
    assert!(!answered.contains("408"), "{answered}");
}

#[tokio::test]
async fn whoever_keeps_us_waiting_makes_room_for_the_next_client() {
    let patient = Http {
        header_timeout_s: 3600,
        body_pause_s: 3600,
        answer_stall_s: 3600,
        ..patience(1)
    };
    let served = Served::start(patient).await;
    let body = "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n1";
    for waits in ["", "GET /who HTTP/1.1\r\nhost:", WHO, body] {
        let mut waiting = served.send(waits).await;
        if waits == WHO {
            // Otherwise it is being answered yet.
            assert!(waiting.read(&mut [0; 4096]).await.unwrap() > 0);
        }
        let answer = next(&served).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{waits}: {answer}");
        let mut left = Vec::new();
        // Closed, or reset where something was sent that nobody has read.
        let closed = timeout(Duration::from_secs(20), waiting.read_to_end(&mut left)).await;
        drop(closed.expect("the connection ends"));
        assert!(left.is_empty(), "{waits}");
    }
}

#[tokio::test]
async fn nobody_is_sent_away_who_is_being_answered() {
    let served = Served::start(patience(1)).await;
    let slow = "GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let slow = served.send(slow).await;
    // Its request is there as a whole, or the next one would take the place.
    let (slow, next) = tokio::join!(rest(slow), async {
        sleep(Duration::from_millis(300)).await;
        next(&served).await
    });
    assert!(slow.ends_with("done"), "{slow}");
    assert!(next.starts_with("HTTP/1.1 200"), "{next}");
}

#[tokio::test]
async fn a_request_that_comes_as_its_place_is_given_away_is_done_and_answered() {
    let door = Places::new(9).door(1);
    let seat = Arc::new(door.enter().await);
    let (stream, mut client) = duplex(4096);
    let slow = "GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    client.write_all(slow.as_bytes()).await.unwrap();
    let mut next = Box::pin(door.enter());
    assert!(next.as_mut().now_or_never().is_none(), "it is to go");
    let service = Service {
        admission: Admission::Anybody,
        router: router(),
        patience: patience(1),
        bodies: BodyRoom::new(1),
        stop: CancellationToken::new(),
    };
    let accepted = Accepted {
        stream,
        peer: "127.0.0.1:1".parse().unwrap(),
        seat,
    };
    let mut text = String::new();
    let both = async { tokio::join!(service.converse(accepted), client.read_to_string(&mut text)) };
    let (((), read), _) = timeout(Duration::from_secs(20), async { tokio::join!(both, next) })
        .await
        .expect("the answer, and a place");
    read.unwrap();
    assert!(text.ends_with("done"), "{text}");
}

#[tokio::test]
async fn a_head_without_measure_is_431() {
    let served = Served::start(patience(9)).await;
    let large = format!(
        "GET /who HTTP/1.1\r\nhost: a\r\nx: {}",
        "x".repeat(40 << 10)
    );
    let refused = rest(served.send(&large).await).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let fits = format!(
        "{}x: {}\r\n\r\n",
        &WHO[..WHO.len() - 2],
        "x".repeat(30 << 10)
    );
    let answered = rest(served.send(&fits).await).await;
    assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
}

#[tokio::test]
async fn a_stop_waits_for_an_answer_and_for_no_stalled_client() {
    let forever = Http {
        header_timeout_s: 3600,
        ..patience(9)
    };
    let mut served = Served::start(forever).await;
    let slow = served.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let stalled = served.send("GET /who HTTP/1.1\r\nhost:").await;
    sleep(Duration::from_millis(300)).await;
    let took = served.stop().await;
    assert!((1500..4000).contains(&took.as_millis()), "{took:?}");
    assert!(rest(slow).await.ends_with("done"));
    drop(stalled);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_stream_gives_its_place_to_the_next() {
    let served = Served::start(patience(1)).await;
    let mut lazy = served.send(ENDLESS).await;
    // Before it is answered, it is its turn, and it would make room.
    assert!(lazy.read(&mut [0; 9]).await.unwrap() > 0);
    let answer = next(&served).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(lazy);
}

#[tokio::test]
async fn whoever_does_not_read_its_answer_makes_room_and_whoever_reads_it_does_not() {
    let patient = Http {
        answer_stall_s: 3600,
        ..patience(2)
    };
    let served = Served::start(patient).await;
    let mut steady = served.send(ENDLESS).await;
    assert!(steady.read(&mut [0; 9]).await.unwrap() > 0);
    let mut lazy = served.send(ENDLESS).await;
    assert!(lazy.read(&mut [0; 9]).await.unwrap() > 0);
    let mut buffer = vec![0; 1 << 20];
    let reading = async { while steady.read(&mut buffer).await.unwrap() > 0 {} };
    let others = async {
        for _ in 0..3 {
            let answer = next(&served).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    };
    tokio::select! {
        biased;
        () = others => {}
        () = reading => panic!("the steady reader was cut off"),
    }
    let mut left = Vec::new();
    let rest = timeout(Duration::from_secs(20), lazy.read_to_end(&mut left));
    drop(rest.await.expect("the connection ends"));
}
