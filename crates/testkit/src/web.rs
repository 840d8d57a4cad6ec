//! A web server on this machine alone, that answers what a test says and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A server at `http://127.0.0.1`, until it is dropped.
pub struct WebServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `HEAD`, `POST`.
    pub method: String,
    /// The path and, behind a `?`, the query, as they came.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// What came with it.
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    tells_length: bool,
    /// Only so many bytes of the body are sent.
    cut: Option<usize>,
    /// How long the connection stays open behind a cut.
    hold: Duration,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

impl Reply {
    /// A status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            tells_length: true,
            cut: None,
            hold: Duration::ZERO,
        }
    }

    /// A file, or the part of it that is asked for (RFC 9110: Range, If-Range, If-Match), with an ETag.
    pub fn file(request: &Request, bytes: &[u8], tag: &str) -> Self {
        if request.header("if-match").is_some_and(|asked| asked != tag) {
            return Self::new(412, "");
        }
        let range = request.header("range").filter(|_| {
            let asked = request.header("if-range");
            asked.is_none_or(|asked| asked == tag)
        });
        let reply = match range.and_then(|range| part(range, bytes.len())) {
            None => Self::new(200, bytes),
            Some((first, behind)) if first >= behind => {
                Self::new(416, "").with("Content-Range", &format!("bytes */{}", bytes.len()))
            }
            Some((first, behind)) => {
                let range = format!("bytes {first}-{}/{}", behind - 1, bytes.len());
                Self::new(206, &bytes[first..behind]).with("Content-Range", &range)
            }
        };
        reply.with("ETag", tag)
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body ends where the connection does.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        self.tells_length = false;
        self
    }

    /// The connection breaks after so many bytes of the body.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// After so many bytes of the body nothing comes for a while.
    #[must_use]
    pub fn silent_after(mut self, bytes: usize, hold: Duration) -> Self {
        self.hold = hold;
        self.cut_after(bytes)
    }
}

/// The first byte and the one behind the last, of `bytes=3-`, `bytes=3-7`.
fn part(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let behind = match last {
        "" => length,
        last => (last.parse::<usize>().ok()? + 1).min(length),
    };
    Some((first.parse().ok()?, behind))
}

impl WebServer {
    /// A server that answers as `answer` says, each request in a thread of its own.
    pub fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            requests: Arc::default(),
            ended: Arc::default(),
        };
        let (requests, ended) = (Arc::clone(&server.requests), Arc::clone(&server.ended));
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                thread::spawn(move || serve(&stream, &requests, &*answer));
            }
        });
        server
    }

    /// An address of this server: `/a.jsonl` becomes `http://127.0.0.1:1234/a.jsonl`.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    /// Method, target and range of all requests since this was last asked: `GET /a bytes=3-`.
    pub fn take_log(&self) -> Vec<String> {
        let requests = std::mem::take(&mut *self.requests.lock().expect("no panic"));
        let line = |request: &Request| {
            let range = request.header("range").map(|range| format!(" {range}"));
            format!(
                "{} {}{}",
                request.method,
                request.target,
                range.unwrap_or_default()
            )
        };
        requests.iter().map(line).collect()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // So that the listener wakes and sees it.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, requests: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) {
    let Some(request) = read(stream) else {
        return;
    };
    requests.lock().expect("no panic").push(request.clone());
    let reply = answer(&request);
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    if reply.tells_length {
        head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    }
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body = match request.method.as_str() {
        "HEAD" => &[],
        _ => &reply.body[..reply.cut.unwrap_or(reply.body.len()).min(reply.body.len())],
    };
    let mut stream = stream;
    // The other side may be gone already.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
    let _ = stream.flush();
    if reply.cut.is_some() && request.method != "HEAD" {
        thread::sleep(reply.hold);
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        lines.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => break,
        }
    }
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    let length = request.header("content-length");
    request.body = vec![0; length.map_or(0, |length| length.parse().unwrap_or(0))];
    lines.read_exact(&mut request.body).ok()?;
    Some(request)
}
