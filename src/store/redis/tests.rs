//! The store against real servers: Redis (REDIS_SERVER or PATH), and Valkey where VALKEY_SERVER names one.

use super::*;
use crate::commit::{Conflict, Empty, Plan};
use crate::store::LONGEST;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// A server of our own on a free port; its end is ours.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_on(program, port, arguments)
    }

    fn start_on(program: &str, port: u16, arguments: &[&str]) -> Self {
        let mut process = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; set REDIS_SERVER"));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Ready to accept connections")), "{program} does not start");
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port }
    }

    fn redis(arguments: &[&str]) -> Self {
        Self::start(&redis_server(), arguments)
    }

    /// Sends one command, words separated by spaces, and returns the first line of the reply.
    fn tell(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn redis_server() -> String {
    std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into())
}

fn options(url: &str, timeout_ms: u64) -> Options {
    Options {
        url: Some(url.into()),
        connect_timeout_ms: timeout_ms,
        command_timeout_ms: timeout_ms,
        ..Options::default()
    }
}

/// What a JavaScript environment is to the driver.
struct Client {
    store: Arc<RedisStore>,
    port: Arc<Port>,
    woken: Receiver<()>,
}

impl Client {
    fn new(port: u16) -> Self {
        Self::with(options(&format!("redis://127.0.0.1:{port}"), 1000))
    }

    fn with(options: Options) -> Self {
        let (sender, woken) = mpsc::channel();
        let port = Port::new(move || sender.send(()).unwrap_or(()));
        Self { store: RedisStore::new(&options, |_| {}).unwrap(), port, woken }
    }

    fn all(&self, requests: Vec<Request>) -> Vec<Result<Answer, Error>> {
        let mut answers: Vec<_> = requests.iter().map(|_| None).collect();
        for (id, request) in (0..).zip(requests) {
            DRIVER.submit(Job { store: self.store.clone(), request, ticket: Ticket::new(self.port.clone(), id) });
        }
        DRIVER.flush();
        while answers.iter().any(Option::is_none) {
            self.woken.recv_timeout(Duration::from_secs(20)).expect("every submission is answered");
            for (id, result) in self.port.take(usize::MAX) {
                assert!(answers[id as usize].replace(result).is_none(), "answered once");
            }
        }
        answers.into_iter().flatten().collect()
    }

    fn one(&self, request: Request) -> Result<Answer, Error> {
        self.all(vec![request]).remove(0)
    }

    fn load(&self, key: &str) -> Option<String> {
        match self.one(Request::Load(key.into())).unwrap() {
            Answer::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    fn set(&self, key: &str, text: &str) {
        assert_eq!(self.one(Request::Set(key.into(), text.into(), 60_000)), Ok(Answer::Done));
    }

    fn commit(&self, commit: Commit) -> Result<Outcome, Error> {
        match self.one(Request::Commit(commit))? {
            Answer::Outcome(outcome) => Ok(outcome),
            other => panic!("{other:?}"),
        }
    }
}

fn commit(plan: Plan, base: Option<&str>, text: &str) -> Commit {
    Commit {
        plan,
        key: "k".into(),
        new_key: "new".into(),
        base: base.map(str::to_owned),
        text: text.into(),
        ttl_ms: 60_000,
        conflict: Conflict::Merge,
        adopt: false,
        empty: Empty::Removed,
        grace_ms: 0,
        follow: false,
    }
}

/// Runs a test on Redis, which knows scripts only, and on Valkey, which knows `SET ... IFEQ`, where there is one.
fn on_each_server(test: impl Fn(&Server, &Client)) {
    for program in [Some(redis_server()), std::env::var("VALKEY_SERVER").ok()].into_iter().flatten() {
        let server = Server::start(&program, &[]);
        println!("on {program}");
        test(&server, &Client::new(server.port));
    }
}

#[test]
fn a_record_is_the_text_itself_with_a_ttl_in_milliseconds() {
    on_each_server(|server, client| {
        assert_eq!(client.load("k"), None);
        client.set("k", "{\"a\":\"é\"}");
        assert_eq!(client.load("k").unwrap(), "{\"a\":\"é\"}");
        let ttl: u64 = server.tell("PTTL k")[1..].parse().unwrap();
        assert!((50_000..=60_000).contains(&ttl), "{ttl}");
        assert_eq!(client.one(Request::Destroy("k".into())), Ok(Answer::Done));
        assert_eq!(client.load("k"), None);
    });
}

#[test]
fn a_save_replaces_what_was_loaded_and_merges_what_came_between() {
    on_each_server(|server, client| {
        client.set("k", r#"{"a":1}"#);
        assert_eq!(client.commit(commit(Plan::Save, Some(r#"{"a":1}"#), r#"{"a":2}"#)), Ok(Outcome::Saved(None)));
        let late = commit(Plan::Save, Some(r#"{"a":1}"#), r#"{"a":1,"b":3}"#);
        assert_eq!(client.commit(late), Ok(Outcome::Saved(Some(r#"{"a":2,"b":3}"#.into()))));
        assert_eq!(client.load("k").unwrap(), r#"{"a":2,"b":3}"#);
        let emptied = commit(Plan::Save, Some(r#"{"a":2,"b":3}"#), "{}");
        assert_eq!(client.commit(emptied), Ok(Outcome::Destroyed));
        assert_eq!(server.tell("EXISTS k"), ":0");
    });
}

#[test]
fn long_texts_are_compared_as_short_ones_are() {
    on_each_server(|_, client| {
        let long = "x".repeat(5000);
        let text = |rest: &str| format!(r#"{{"long":"{long}","a":{rest}}}"#);
        client.set("k", &text("1"));
        assert_eq!(client.commit(commit(Plan::Save, Some(&text("1")), &text("2"))), Ok(Outcome::Saved(None)));
        let late = commit(Plan::Save, Some(&text("1")), &text("1,\"b\":3"));
        assert_eq!(client.commit(late), Ok(Outcome::Saved(Some(text("2,\"b\":3")))));
    });
}

#[test]
fn what_is_gone_is_never_written_again() {
    on_each_server(|server, client| {
        for conflict in [Conflict::Merge, Conflict::Overwrite, Conflict::Refuse] {
            for plan in [Plan::Save, Plan::Destroy] {
                let mut late = commit(plan, Some(r#"{"a":1}"#), r#"{"a":2}"#);
                late.conflict = conflict;
                assert_eq!(client.commit(late), Ok(Outcome::Gone));
            }
        }
        assert_eq!(server.tell("DBSIZE"), ":0");
    });
}

#[test]
fn a_refusing_commit_leaves_what_came_between_alone() {
    on_each_server(|_, client| {
        client.set("k", r#"{"n":2}"#);
        let mut late = commit(Plan::Save, Some(r#"{"n":1}"#), r#"{"n":2}"#);
        late.conflict = Conflict::Refuse;
        assert_eq!(client.commit(late), Ok(Outcome::Refused));
    });
}

#[test]
fn create_never_overwrites_unless_it_adopts() {
    on_each_server(|_, client| {
        client.set("k", r#"{"a":1}"#);
        let mut create = commit(Plan::Create, None, r#"{"b":2}"#);
        assert_eq!(client.commit(create.clone()), Ok(Outcome::Refused));
        assert_eq!(client.load("k").unwrap(), r#"{"a":1}"#);
        create.adopt = true;
        assert_eq!(client.commit(create), Ok(Outcome::Saved(Some(r#"{"a":1,"b":2}"#.into()))));
        let again = commit(Plan::Create, None, r#"{"a":1,"b":2}"#);
        assert_eq!(
            client.commit(again),
            Ok(Outcome::Saved(None)),
            "its own text is there: saved, when the answer was lost"
        );
    });
}

#[test]
fn rotate_writes_the_new_record_and_removes_the_old_with_what_came_between() {
    on_each_server(|server, client| {
        client.set("k", r#"{"a":1,"theirs":1}"#);
        let rotate = commit(Plan::Rotate, Some(r#"{"a":1}"#), r#"{"a":1,"user":"x"}"#);
        let merged = r#"{"a":1,"theirs":1,"user":"x"}"#;
        assert_eq!(client.commit(rotate.clone()), Ok(Outcome::Saved(Some(merged.into()))));
        assert_eq!((server.tell("EXISTS k").as_str(), client.load("new").unwrap().as_str()), (":0", merged));
        // Its base is gone now: what it added lives on under yet another id, and nothing else does.
        let again = Commit { new_key: "newer".into(), ..rotate.clone() };
        assert_eq!(client.commit(again), Ok(Outcome::Saved(Some(r#"{"user":"x"}"#.into()))));
        let nothing_added = Commit { new_key: "newest".into(), text: r#"{"a":2}"#.into(), ..rotate.clone() };
        assert_eq!(client.commit(nothing_added), Ok(Outcome::Gone));
        assert_eq!(server.tell("EXISTS newest"), ":0");
        let taken = Commit { new_key: "newer".into(), ..rotate };
        assert_eq!(client.commit(taken), Ok(Outcome::Refused));
    });
}

fn renew(new_key: &str, text: &str) -> Commit {
    Commit {
        new_key: new_key.into(),
        grace_ms: 10_000,
        follow: true,
        empty: Empty::Kept,
        ..commit(Plan::Renew, Some("{}"), text)
    }
}

#[test]
fn of_many_renewals_one_wins_and_the_others_go_on_with_its_record() {
    for conflict in [Conflict::Merge, Conflict::Overwrite] {
        on_each_server(|server, client| {
            client.set("k", "{}");
            let renewals = (0..20).map(|n| Request::Commit(Commit { conflict, ..renew(&format!("new{n}"), "{}") }));
            let mut moved = 0;
            for answer in client.all(renewals.collect()) {
                match answer {
                    Ok(Answer::Outcome(Outcome::Saved(None))) => {}
                    Ok(Answer::Outcome(Outcome::Moved(key, outcome))) => {
                        assert_eq!((key.as_str(), *outcome), ("new0", Outcome::Saved(None)));
                        moved += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((moved, server.tell("DBSIZE").as_str()), (19, ":2"), "one record and one pointer");
            let found = client.one(Request::Find("k".into()));
            let Ok(Answer::Found(Some(Found { text, ttl_ms, key }))) = found else { panic!("{found:?}") };
            assert_eq!((text.as_str(), key.as_deref()), ("{}", Some("new0")));
            assert!((50_000..=60_000).contains(&ttl_ms));
        });
    }
}

#[test]
fn during_the_grace_commits_follow_the_pointer_and_either_id_destroys_both() {
    on_each_server(|_, client| {
        client.set("k", "{}");
        assert_eq!(client.commit(renew("new", "{}")), Ok(Outcome::Saved(None)));
        let follow = |plan, text| Commit { follow: true, empty: Empty::Kept, ..commit(plan, Some("{}"), text) };
        let saved = Outcome::Moved("new".into(), Box::new(Outcome::Saved(None)));
        assert_eq!(client.commit(follow(Plan::Save, r#"{"a":1}"#)), Ok(saved));
        assert_eq!(client.load("new").unwrap(), r#"{"a":1}"#);
        let destroyed = Outcome::Moved("new".into(), Box::new(Outcome::Destroyed));
        assert_eq!(client.commit(follow(Plan::Destroy, "")), Ok(destroyed));
        assert_eq!(client.one(Request::Find("k".into())), Ok(Answer::Found(None)));
        assert_eq!(client.commit(renew("newer", "{}")), Ok(Outcome::Moved("new".into(), Box::new(Outcome::Gone))));
    });
}

#[test]
fn overwriting_needs_no_script() {
    on_each_server(|server, client| {
        server.tell("ACL SETUSER default -eval -evalsha");
        client.set("k", r#"{"a":1,"theirs":1}"#);
        let mut save = commit(Plan::Save, Some(r#"{"a":1}"#), r#"{"a":2}"#);
        save.conflict = Conflict::Overwrite;
        assert_eq!(client.commit(save.clone()), Ok(Outcome::Saved(None)));
        assert_eq!(client.load("k").unwrap(), r#"{"a":2}"#);
        save.plan = Plan::Rotate;
        assert_eq!(client.commit(save), Ok(Outcome::Saved(None)));
        assert_eq!(server.tell("EXISTS k new"), ":1");
    });
}

#[test]
fn without_the_permission_to_run_scripts_the_error_says_what_to_do() {
    let server = Server::redis(&[]);
    let client = Client::new(server.port);
    server.tell("ACL SETUSER default -eval -evalsha");
    client.set("k", r#"{"a":1}"#);
    let error = client.commit(commit(Plan::Save, Some(r#"{"a":1}"#), r#"{"a":2}"#)).unwrap_err().to_string();
    assert!(error.contains("+evalsha") && error.contains("conflict: 'overwrite'"), "{error}");
}

#[test]
fn without_that_permission_no_session_gets_a_new_id_while_the_old_one_lives_on() {
    on_each_server(|server, client| {
        server.tell("ACL SETUSER default -eval -evalsha");
        client.set("k", r#"{"a":1}"#);
        let error = client.commit(commit(Plan::Rotate, Some(r#"{"a":1}"#), r#"{"a":2}"#)).unwrap_err().to_string();
        assert!(error.contains("+evalsha"), "{error}");
        assert_eq!(client.load("k").unwrap(), r#"{"a":1}"#);
        assert_eq!(server.tell("EXISTS new"), ":0");
    });
}

#[test]
fn a_script_is_loaded_again_when_the_server_has_forgotten_it() {
    let server = Server::redis(&[]);
    let client = Client::new(server.port);
    for number in 0..3 {
        server.tell("SCRIPT FLUSH");
        client.set("k", r#"{"a":0}"#);
        let text = format!(r#"{{"a":{}}}"#, number + 1);
        assert_eq!(client.commit(commit(Plan::Save, Some(r#"{"a":0}"#), &text)), Ok(Outcome::Saved(None)));
    }
}

#[test]
fn stored_bytes_that_are_no_utf8_do_not_make_a_commit_try_for_ever() {
    on_each_server(|server, client| {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9\r\n{\"a\":\"\xff\"}\r\n").unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
        let base = client.load("k").unwrap();
        assert_eq!(base, "{\"a\":\"\u{fffd}\"}");
        assert_eq!(client.commit(commit(Plan::Save, Some(&base), r#"{"b":1}"#)), Ok(Outcome::Saved(None)));
        assert_eq!(client.load("k").unwrap(), r#"{"b":1}"#);
    });
}

#[test]
fn commits_of_one_key_in_one_process_all_survive() {
    on_each_server(|_, client| {
        client.set("k", "{}");
        let commits = (0..200).map(|n| Request::Commit(commit(Plan::Save, Some("{}"), &format!(r#"{{"n{n}":1}}"#))));
        assert!(client.all(commits.collect()).iter().all(Result::is_ok));
        let all: serde_json::Value = serde_json::from_str(&client.load("k").unwrap()).unwrap();
        assert_eq!(all.as_object().unwrap().len(), 200);
    });
}

#[test]
fn an_error_reply_fails_its_own_command_and_not_its_neighbours() {
    let server = Server::redis(&[]);
    let client = Client::new(server.port);
    client.set("k", "{}");
    server.tell("RPUSH list x");
    let answers = client.all(vec![Request::Load("k".into()), Request::Load("list".into()), Request::Load("k".into())]);
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(matches!(&answers[1], Err(Error::Refused(why)) if why.starts_with("WRONGTYPE")), "{:?}", answers[1]);
}

#[test]
fn a_text_that_could_not_be_read_again_is_not_written() {
    on_each_server(|_, client| {
        client.set("k", "{}");
        let long = || "x".repeat(LONGEST + 1);
        let save = |conflict| Request::Commit(Commit { conflict, ..commit(Plan::Save, Some("{}"), &long()) });
        let create = Request::Commit(Commit { key: "free".into(), ..commit(Plan::Create, None, &long()) });
        let set = Request::Set("k".into(), long(), 60_000);
        for write in [set, create, save(Conflict::Merge), save(Conflict::Overwrite)] {
            assert_eq!(client.one(write), Err(Error::TooLong(LONGEST)));
        }
        assert_eq!((client.load("k").as_deref(), client.load("free")), (Some("{}"), None));
    });
}

#[test]
fn a_stopped_server_is_given_up_in_time_and_then_at_once() {
    let server = Server::redis(&[]);
    let url = format!("redis://127.0.0.1:{}", server.port);
    let client = Client::with(options(&url, 300));
    client.set("k", "{}");
    server.signal("-STOP");
    assert_eq!(client.one(Request::Load("k".into())), Err(Error::TimedOut(300)));
    let start = Instant::now();
    for _ in 0..50 {
        assert!(client.one(Request::Load("k".into())).is_err());
    }
    assert!(start.elapsed() < Duration::from_secs(10), "down: refused at once, and not after 300 ms each");
    server.signal("-CONT");
    let start = Instant::now();
    while client.one(Request::Load("k".into())).is_err() {
        assert!(start.elapsed() < Duration::from_secs(5), "back in service");
    }
}

#[test]
fn where_the_whole_machine_stands_still_the_server_has_time_to_answer() {
    let server = Server::redis(&[]);
    let store = RedisStore::new(&options(&format!("redis://127.0.0.1:{}", server.port), 1000), |_| {}).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for under_way in ["connecting", "a command"] {
            server.signal("-STOP");
            let store = store.clone();
            let answer = spawn(async move { store.servers.ping().await });
            tokio::time::sleep(Duration::from_millis(20)).await;
            std::thread::sleep(Duration::from_millis(1200));
            tokio::time::sleep(Duration::from_millis(100)).await; // a timeout that is over would end it now
            server.signal("-CONT");
            assert!(answer.await.unwrap().is_ok(), "{under_way}");
        }
    });
}

#[test]
fn a_killed_server_fails_at_once_and_a_new_one_is_found() {
    let server = Server::redis(&[]);
    let client = Client::new(server.port);
    client.set("k", "{}");
    let port = server.port;
    drop(server);
    assert!(matches!(client.one(Request::Load("k".into())), Err(Error::Unreachable(_))));
    let _server = Server::start_on(&redis_server(), port, &[]);
    let start = Instant::now();
    while client.one(Request::Load("k".into())).is_err() {
        assert!(start.elapsed() < Duration::from_secs(5), "back in service");
    }
}

#[test]
fn no_server_at_all_is_an_error_and_a_wrong_password_does_not_poison() {
    let server = Server::redis(&["--requirepass", "secret"]);
    let url = format!("redis://:wrong@127.0.0.1:{}", server.port);
    let client = Client::with(options(&url, 1000));
    let error = client.one(Request::Ping).unwrap_err().to_string();
    assert!(!error.contains("wrong") && error.contains("unreachable"), "{error}");
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all(b"AUTH secret\r\nCONFIG SET requirepass wrong\r\n").unwrap();
    stream.read_exact(&mut [0; 10]).unwrap();
    let start = Instant::now();
    while client.one(Request::Ping).is_err() {
        assert!(start.elapsed() < Duration::from_secs(5), "back in service");
    }
}

/// Answers each command by its own port and the words in it; at the end of a connection there are no words. Returns the
/// port.
fn small_server(answer: impl Fn(u16, &[&str]) -> String + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    let asked = String::from_utf8_lossy(&buffer[..count]).into_owned();
                    for command in asked.split('*').skip(1) {
                        let words: Vec<_> = command.trim_end().split("\r\n").skip(2).step_by(2).collect();
                        stream.write_all(answer(port, &words).as_bytes()).unwrap_or(()); // nobody may be there any more
                    }
                }
                answer(port, &[]);
            });
        }
    });
    port
}

#[test]
fn a_server_without_users_takes_the_password_alone() {
    let port = small_server(|_, words| {
        let reply = match words {
            ["AUTH", _, _] => "-ERR wrong number of arguments for 'auth' command\r\n",
            ["AUTH", "pass"] => "+OK\r\n",
            ["PING"] => "+PONG\r\n",
            ["GET", _] => "$-1\r\n",
            _ => "-ERR unknown command\r\n",
        };
        reply.into()
    });
    let client = Client::with(options(&format!("redis://somebody:pass@127.0.0.1:{port}"), 1000));
    assert_eq!(client.one(Request::Load("k".into())), Ok(Answer::Text(None)));
}

#[test]
fn a_redirection_to_a_node_that_no_map_names_yet_is_followed_and_the_node_kept_until_none_leads_there() {
    let (map_given, maps_given) = mpsc::channel();
    let (seen, at_the_new_node) = mpsc::channel();
    let maps_given = Mutex::new(maps_given);
    let new_node = small_server(move |_, words| {
        let reply = match words {
            ["CLIENT", ..] => {
                seen.send("login").unwrap();
                // The first map, that of the redirection, and two more: when the last is asked for, the others have been
                // taken in, and the command still waits.
                maps_given.lock().unwrap().iter().take(4).for_each(drop);
                "+OK\r\n"
            }
            ["PING"] => "+PONG\r\n",
            ["GET", _] => "$2\r\n{}\r\n",
            ["CLUSTER", _] => "*0\r\n",
            [] => {
                seen.send("end").unwrap();
                ""
            }
            _ => "-ERR unknown command\r\n",
        };
        reply.into()
    });
    let sends_on = Arc::new(AtomicBool::new(true));
    let is_sending_on = sends_on.clone();
    let old_node = small_server(move |port, words| match words {
        ["PING"] => "+PONG\r\n".into(),
        ["GET", _] if is_sending_on.load(Ordering::SeqCst) => format!("-MOVED 1 127.0.0.1:{new_node}\r\n"),
        ["GET", _] => "$-1\r\n".into(),
        ["CLUSTER", _] => {
            map_given.send(()).unwrap();
            format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
        }
        _ => "-ERR unknown command\r\n".into(),
    });
    let cluster = Some(vec![format!("redis://127.0.0.1:{old_node}")]);
    let client = Client::with(Options { url: None, cluster, ..options("", 1000) });
    for _ in 0..20 {
        assert_eq!(client.load("k").as_deref(), Some("{}"));
    }
    sends_on.store(false, Ordering::SeqCst);
    assert_eq!(client.load("k"), None);
    let seen = [(); 2].map(|()| at_the_new_node.recv_timeout(Duration::from_secs(20)).unwrap());
    assert_eq!(seen, ["login", "end"]);
}

#[test]
fn a_closed_store_answers_with_an_error() {
    let server = Server::redis(&[]);
    let client = Client::new(server.port);
    client.set("k", "{}");
    assert_eq!(client.one(Request::Close), Ok(Answer::Done));
    assert_eq!(client.one(Request::Load("k".into())), Err(Error::Closed));
}
