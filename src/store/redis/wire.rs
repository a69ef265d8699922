//! A connection as it speaks: many commands in one write, their replies in the same order.
//!
//! RESP2, which every server knows. redis-rs has the commands and values; its connection is not used, since its parser,
//! channels and boxed futures cost the I/O thread more than all else that a command does.

use super::pool::POOL;
use crate::error::Error;
use crate::store::LONGEST;
use redis::{Cmd, Value};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// Commands that travel together, as they travel.
#[derive(Default)]
pub struct Pipeline {
    bytes: Vec<u8>,
    count: usize,
}

impl Pipeline {
    pub fn add(&mut self, command: &Cmd) {
        command.write_packed_command(&mut self.bytes);
        self.count += 1;
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// None yet, with room for as many bytes, up to `FIRST_ROOM`.
    pub fn room_for_another(&self) -> Self {
        Self { bytes: Vec::with_capacity(self.bytes.len().min(FIRST_ROOM)), count: 0 }
    }

    pub fn of<const N: usize>(commands: [&Cmd; N]) -> Self {
        let mut pipeline = Self::default();
        commands.iter().for_each(|command| pipeline.add(command));
        pipeline
    }
}

/// An open connection; it ends when the last clone is dropped, whatever is still unanswered on it.
#[derive(Clone)]
pub struct Wire {
    desk: Arc<Desk>,
    _end: Arc<End>,
}

/// Where those who ask and the task that reads and writes meet.
#[derive(Default)]
struct Desk(Mutex<Exchanges>);

#[derive(Default)]
struct Exchanges {
    /// What is to be written.
    outgoing: Vec<u8>,
    /// Who waits for replies, in their order.
    waiting: VecDeque<Exchange>,
    /// Wakes the task.
    waker: Option<Waker>,
    /// Why nothing can be asked any more.
    cut: Option<Error>,
}

impl Exchanges {
    /// Why the server has hung up, if it has said so: to one client too many, say.
    fn last_word(&self) -> Option<String> {
        self.waiting.front()?.replies.iter().find_map(error_of)
    }
}

struct Exchange {
    count: usize,
    replies: Vec<Value>,
    done: oneshot::Sender<Vec<Value>>,
}

struct End(AbortHandle);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Wire {
    /// Speaks over `stream`; `on_cut` is called when the server ends the connection, or says what cannot be understood.
    pub fn new(stream: Box<dyn Stream>, on_cut: impl FnOnce(Error) + Send + 'static) -> Self {
        let desk = Arc::new(Desk::default());
        let mut ends =
            Ends { stream, desk: desk.clone(), outgoing: Vec::new(), sent: 0, incoming: Incoming::default() };
        let task = tokio::spawn(async move {
            let error = poll_fn(|context| ends.poll(context)).await;
            let (cut, left) = {
                let mut exchanges = ends.desk.lock();
                let cut = Error::Unreachable(match exchanges.last_word() {
                    Some(why) => why,
                    None if error.kind() == io::ErrorKind::UnexpectedEof => {
                        "the server has closed the connection".into()
                    }
                    None => error.to_string(),
                });
                exchanges.cut = Some(cut.clone());
                (cut, std::mem::take(&mut exchanges.waiting))
            };
            on_cut(cut);
            drop(left); // they ask why
        });
        Self { desk, _end: Arc::new(End(task.abort_handle())) }
    }

    /// Why nothing can be asked any more, if it is so.
    pub fn cut(&self) -> Option<Error> {
        self.desk.lock().cut.clone()
    }

    /// Sends the commands and waits for all their replies; error replies come back as values.
    pub async fn run(&self, pipeline: Pipeline) -> Result<Vec<Value>, Error> {
        let Pipeline { bytes, count } = pipeline;
        let (done, replies) = oneshot::channel();
        {
            let mut exchanges = self.desk.lock();
            if let Some(cut) = &exchanges.cut {
                return Err(cut.clone());
            }
            exchanges.outgoing.extend(bytes);
            exchanges.waiting.push_back(Exchange { count, replies: Vec::with_capacity(count), done });
            if let Some(waker) = &exchanges.waker {
                waker.wake_by_ref();
            }
        }
        replies
            .await
            .map_err(|_| self.cut().unwrap_or_else(|| Error::Unreachable("the connection was given up".into())))
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Exchanges> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream, and what is on its way in either direction.
struct Ends {
    stream: Box<dyn Stream>,
    desk: Arc<Desk>,
    outgoing: Vec<u8>,
    sent: usize,
    incoming: Incoming,
}

impl Ends {
    /// Writes what is to be written and hands out what has come, until the connection is cut.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let written = self.write(context);
        // What was answered before the connection broke has been carried out.
        match written.and(self.read(context)) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(error),
        }
    }

    fn write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let stream = &mut self.stream;
        loop {
            if self.sent == self.outgoing.len() {
                self.outgoing.clear();
                self.outgoing.shrink_to(MOST_KEPT);
                self.sent = 0;
                let mut exchanges = self.desk.lock();
                std::mem::swap(&mut self.outgoing, &mut exchanges.outgoing);
                if self.outgoing.is_empty() {
                    match &mut exchanges.waker {
                        Some(waker) => waker.clone_from(context.waker()),
                        none => *none = Some(context.waker().clone()),
                    }
                    break;
                }
            }
            match Pin::new(&mut *stream).poll_write(context, &self.outgoing[self.sent..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.sent += count,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        match Pin::new(stream).poll_flush(context) {
            Poll::Ready(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn read(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        loop {
            let mut buffer = ReadBuf::new(self.incoming.room());
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Poll::Ready(Ok(())) => self.incoming.end += buffer.filled().len(),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
            let mut exchanges = self.desk.lock();
            while let Some(reply) = self.incoming.next()? {
                let waiting = &mut exchanges.waiting;
                let exchange = waiting.front_mut().ok_or_else(|| garbled("a reply to nothing"))?;
                exchange.replies.push(reply);
                if exchange.replies.len() == exchange.count
                    && let Some(Exchange { replies, done, .. }) = waiting.pop_front()
                {
                    // Nobody listens if the work was given up.
                    drop(done.send(replies));
                }
            }
        }
    }
}

/// What has come and is not understood yet: the bytes from `start` to `end`.
#[derive(Default)]
struct Incoming {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The lists that are still to be filled, each in the one before it. What is in them is not read again with every
    /// piece that comes.
    lists: Vec<List>,
    /// What these keep, in bytes.
    kept: usize,
    /// How many of the next bytes nobody needs: those of a text that is too long.
    passed_over: usize,
}

struct List {
    length: usize,
    items: Vec<Value>,
}

/// Of commands that are still to come, and of replies.
const FIRST_ROOM: usize = 16 * 1024;
/// One huge session is no reason to keep its room for good.
const MOST_KEPT: usize = 1024 * 1024;

impl Incoming {
    /// Where the next bytes go.
    fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > MOST_KEPT {
                self.bytes = Vec::new();
            }
        } else if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            self.bytes.resize((self.bytes.len() * 2).max(FIRST_ROOM), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// The next reply, if all of it is there.
    fn next(&mut self) -> io::Result<Option<Value>> {
        loop {
            let passed = self.passed_over.min(self.end - self.start);
            self.start += passed;
            self.passed_over -= passed;
            let mut rest = &self.bytes[self.start..self.end];
            let Some(part) = decode(&mut rest)? else { return Ok(None) };
            let start = std::mem::replace(&mut self.start, self.end - rest.len());
            if !self.lists.is_empty() {
                self.keep(self.start - start)?;
            }
            let value = match part {
                Part::Value(value) => value,
                Part::List(0) => Value::Array(Vec::new()),
                Part::List(_) if self.lists.len() == MAX_DEPTH => return Err(garbled("lists in lists")),
                Part::List(length) => {
                    self.keep(length.saturating_mul(size_of::<Value>()))?;
                    self.lists.push(List { length, items: Vec::new() });
                    continue;
                }
                Part::TooLong(length) => {
                    self.passed_over = length.saturating_add(2);
                    error(&format!("-{TOO_LONG} the value is too long to be read\r\n"))?
                }
            };
            if let Some(reply) = self.place(value) {
                self.kept = 0;
                return Ok(Some(reply));
            }
        }
    }

    /// Puts a value where it belongs; gives it back if that is in no list, or the list that it fills.
    fn place(&mut self, mut value: Value) -> Option<Value> {
        while let Some(list) = self.lists.last_mut() {
            list.items.push(value);
            if list.items.len() < list.length {
                return None;
            }
            value = Value::Array(std::mem::take(&mut list.items));
            self.lists.pop();
        }
        Some(value)
    }

    fn keep(&mut self, bytes: usize) -> io::Result<()> {
        self.kept = self.kept.saturating_add(bytes);
        if self.kept > MOST_IN_LISTS { Err(garbled("a list longer than any that was asked for")) } else { Ok(()) }
    }
}

/// What an error reply says, without what the server repeats of the command: there are a session's id and data in it.
pub fn error_of(reply: &Value) -> Option<String> {
    let Value::ServerError(error) = reply else { return None };
    let details = error.details().unwrap_or_default();
    let own =
        details.split_once("with args beginning with").map_or(details, |(own, _)| own.trim_end_matches([' ', ',']));
    Some(format!("{} {own}", error.code()))
}

/// The code of an error reply that is our own.
const TOO_LONG: &str = "TOOLONG";

/// What an error reply means for who has asked.
pub fn failure_of(reply: &Value) -> Option<Error> {
    let why = error_of(reply)?;
    Some(if why.starts_with(TOO_LONG) { Error::TooLong(LONGEST) } else { Error::Refused(why) })
}

/// Deeper than any reply to what is asked here.
const MAX_DEPTH: usize = 16;

/// The longest reply with lists is that to CLUSTER SLOTS. Were each of the 16384 slots a range of its own, there would be
/// 4 KB for its nodes: a master and some replicas, each with address, id and name.
const MOST_IN_LISTS: usize = 16384 * 4096;

/// Of all but a text, which tells its length before. The servers themselves take no longer line (PROTO_INLINE_MAX_SIZE).
const MAX_LINE: usize = 64 * 1024;

/// What replies are made of.
enum Part {
    Value(Value),
    /// The beginning of a list; so many values follow.
    List(usize),
    /// The beginning of a text that is longer than a record may be; so many bytes follow, and the end of the line.
    TooLong(usize),
}

/// Takes one part off `input`, if all of it is there
/// (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
fn decode(input: &mut &[u8]) -> io::Result<Option<Part>> {
    let Some(end) = input[..input.len().min(MAX_LINE)].windows(2).position(|end| end == b"\r\n") else {
        return if input.len() < MAX_LINE { Ok(None) } else { Err(garbled("a line without an end")) };
    };
    let (line, rest) = (&input[..end], &input[end + 2..]);
    let Some((kind, word)) = line.split_first() else { return Err(garbled("an empty line")) };
    let part = match kind {
        b'$' => match length(word)? {
            None => Part::Value(Value::Nil),
            Some(length) if length > LONGEST => Part::TooLong(length),
            Some(length) if rest.len() < length + 2 => return Ok(None),
            Some(length) => {
                let (text, rest) = rest.split_at(length);
                *input = rest.strip_prefix(b"\r\n").ok_or_else(|| garbled("a string without its end"))?;
                return Ok(Some(Part::Value(Value::BulkString(POOL.copy(text)))));
            }
        },
        b'+' if word == b"OK" => Part::Value(Value::Okay),
        b'+' => Part::Value(Value::SimpleString(String::from_utf8_lossy(word).into_owned())),
        b':' => Part::Value(Value::Int(number(word)?)),
        // The server may repeat a command, cut inside a character.
        b'-' => Part::Value(error(&String::from_utf8_lossy(&input[..end + 2]))?),
        b'*' => length(word)?.map_or(Part::Value(Value::Nil), Part::List),
        _ => return Err(garbled("a reply of an unknown kind")),
    };
    *input = rest;
    Ok(Some(part))
}

fn error(line: &str) -> io::Result<Value> {
    redis::parse_redis_value(line.as_bytes()).map_err(io::Error::other)
}

/// A length; -1 stands for a value that is none.
fn length(word: &[u8]) -> io::Result<Option<usize>> {
    match number(word)? {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| garbled("a negative length")),
    }
}

fn number(word: &[u8]) -> io::Result<i64> {
    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
    number.ok_or_else(|| garbled("a number that is none"))
}

fn garbled(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server's answer cannot be understood ({what})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn come(incoming: &mut Incoming, piece: &[u8]) {
        incoming.room()[..piece.len()].copy_from_slice(piece);
        incoming.end += piece.len();
    }

    fn decoded(input: &[u8]) -> io::Result<Option<Value>> {
        Incoming { bytes: input.to_vec(), end: input.len(), ..Incoming::default() }.next()
    }

    fn reply() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
            "[A-Z]{2,9}( [a-zé ]{0,20})?".prop_map(|line| format!("-{line}\r\n").into_bytes()),
            "[A-Za-z ]{0,20}".prop_map(|line| format!("+{line}\r\n").into_bytes()),
            proptest::collection::vec(any::<u8>(), 0..40)
                .prop_map(|text| { [format!("${}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat() }),
            Just(b"$-1\r\n".to_vec()),
            Just(b"*-1\r\n".to_vec()),
        ];
        leaf.prop_recursive(3, 24, 5, |item| {
            proptest::collection::vec(item, 0..5)
                .prop_map(|items| [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat())
        })
    }

    proptest! {
        #[test]
        fn replies_are_what_redis_rs_makes_of_them(reply in reply()) {
            prop_assert_eq!(decoded(&reply).unwrap(), Some(redis::parse_redis_value(&reply).unwrap()));
        }

        #[test]
        fn replies_may_come_in_any_pieces(replies in proptest::collection::vec(reply(), 1..6), piece in 1..50_usize) {
            let mut incoming = Incoming::default();
            let mut found = Vec::new();
            for piece in replies.concat().chunks(piece) {
                come(&mut incoming, piece);
                while let Some(value) = incoming.next().unwrap() {
                    found.push(value);
                }
            }
            let whole: Vec<_> = replies.iter().map(|reply| decoded(reply).unwrap().unwrap()).collect();
            prop_assert_eq!(found, whole);
        }

        #[test]
        fn garbage_is_an_error_or_unfinished_and_no_panic(input in proptest::collection::vec(any::<u8>(), 0..60)) {
            drop(decoded(&input));
        }
    }

    #[test]
    fn an_error_reply_is_told_without_the_commands_arguments() {
        let told = |line: &[u8]| error_of(&decoded(&[b"-", line, b"\r\n"].concat()).unwrap().unwrap()).unwrap();
        let echo = b"ERR unknown command 'SET', with args beginning with: 'koa:sess:id' '{\"secret\":\"\xc3' ";
        assert_eq!(told(echo), "ERR unknown command 'SET'");
        assert_eq!(told(b"MOVED 3999 127.0.0.1:6381"), "MOVED 3999 127.0.0.1:6381");
        assert_eq!(error_of(&Value::Okay), None);
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        let deep = "*1\r\n".repeat(40);
        for garbage in
            ["\r\n", "?\r\n", ":x\r\n", "$-2\r\n", "*-2\r\n", "$1\r\nabc", "HTTP/1.1 400 Bad Request\r\n", &deep]
        {
            assert!(decoded(garbage.as_bytes()).is_err(), "{garbage:?}");
        }
    }

    #[test]
    fn what_is_longer_than_any_reply_is_an_error_before_it_is_there() {
        let lists = |depth: usize, length: usize| format!("*{length}\r\n").repeat(depth);
        let line = "x".repeat(MAX_LINE);
        for endless in [lists(1, 1_000_000_000), lists(1, usize::MAX / 2), lists(2, 1_000_000), format!("+{line}")] {
            let error = decoded(endless.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("cannot be understood"), "{error}");
        }
        let named = format!("$1000\r\n{}\r\n", "x".repeat(1000));
        assert!(decoded([lists(1, 100_000), named.repeat(80_000)].concat().as_bytes()).is_err(), "short, but full");
        let node = format!("*4\r\n$9\r\n127.0.0.1\r\n:6379\r\n$40\r\n{}\r\n*0\r\n", "x".repeat(40));
        let slots = lists(1, 16384) + &format!("*7\r\n:1\r\n:1\r\n{}", node.repeat(5)).repeat(16384);
        assert!(decoded(slots.as_bytes()).unwrap().is_some(), "each slot on its own, with four replicas");
    }

    #[test]
    fn of_an_unfinished_list_nothing_is_read_twice() {
        let mut incoming = Incoming::default();
        for piece in ["*2\r\n*2\r\n:1\r\n", "$1\r\na\r\n", "*2\r\n", ":2\r\n"] {
            come(&mut incoming, piece.as_bytes());
            assert_eq!(incoming.next().unwrap(), None);
            assert_eq!(incoming.start, incoming.end, "{piece:?}");
        }
        come(&mut incoming, b":3\r\n:4\r\n");
        let text = Value::BulkString(b"a".to_vec());
        let inner = [[Value::Int(1), text], [Value::Int(2), Value::Int(3)]].map(|items| Value::Array(items.into()));
        assert_eq!(incoming.next().unwrap(), Some(Value::Array(inner.into())));
        assert_eq!(incoming.next().unwrap(), Some(Value::Int(4)));
        assert_eq!(incoming.kept, 0, "each reply may be as long as the one before");
    }

    #[test]
    fn a_text_that_is_too_long_is_passed_over_and_fails_its_own_command_alone() {
        let mut incoming = Incoming::default();
        come(&mut incoming, format!("+a\r\n${}\r\n", LONGEST + 1).as_bytes());
        assert_eq!(incoming.next().unwrap(), Some(Value::SimpleString("a".into())));
        let failure = incoming.next().unwrap().as_ref().and_then(failure_of);
        assert_eq!(failure, Some(Error::TooLong(LONGEST)));
        let mut left = LONGEST + 1;
        while left > 0 {
            assert_eq!(incoming.next().unwrap(), None);
            let piece = left.min(incoming.room().len());
            come(&mut incoming, &vec![b'x'; piece]);
            left -= piece;
        }
        come(&mut incoming, b"\r\n+b\r\n");
        assert_eq!(incoming.next().unwrap(), Some(Value::SimpleString("b".into())));
        assert!(incoming.bytes.len() <= FIRST_ROOM, "and takes no room");
    }

    #[tokio::test]
    async fn what_the_server_says_before_it_hangs_up_is_the_reason() {
        use tokio::io::AsyncWriteExt;
        let (ours, mut theirs) = tokio::io::duplex(64);
        let wire = Wire::new(Box::new(ours), drop);
        let ask = redis::cmd("PING");
        let (answer, ()) = tokio::join!(wire.run(Pipeline::of([&ask, &ask])), async {
            theirs.write_all(b"-ERR max number of clients reached\r\n").await.unwrap();
            drop(theirs);
        });
        assert_eq!(answer, Err(Error::Unreachable("ERR max number of clients reached".into())));
    }

    #[tokio::test]
    async fn exchanges_share_a_connection_and_are_answered_in_order() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (ours, mut theirs) = tokio::io::duplex(64);
        let (sender, cut) = oneshot::channel();
        let wire = Wire::new(Box::new(ours), move |error| drop(sender.send(error)));
        let long = "x".repeat(100_000);
        let (ask, echo) = (redis::cmd("PING"), redis::cmd("ECHO").arg(&long).take());
        let server = async {
            let mut asked = vec![0; 3 * ask.get_packed_command().len() + echo.get_packed_command().len()];
            theirs.read_exact(&mut asked).await.unwrap();
            theirs.write_all(format!("+a\r\n+b\r\n${}\r\n{long}\r\n+c\r\n", long.len()).as_bytes()).await.unwrap();
        };
        let (first, second, third, ()) = tokio::join!(
            wire.run(Pipeline::of([&ask, &ask])),
            wire.run(Pipeline::of([&echo])),
            wire.run(Pipeline::of([&ask])),
            server
        );
        let word = |word: &str| Value::SimpleString(word.into());
        assert_eq!(first, Ok(vec![word("a"), word("b")]));
        assert_eq!(second, Ok(vec![Value::BulkString(long.into_bytes())]));
        assert_eq!(third, Ok(vec![word("c")]));
        let asked = wire.run(Pipeline::of([&ask]));
        let (unanswered, ()) = tokio::join!(asked, async {
            theirs.read_u8().await.unwrap();
            drop(theirs);
        });
        let closed = Error::Unreachable("the server has closed the connection".into());
        assert_eq!((unanswered, cut.await.unwrap()), (Err(closed.clone()), closed.clone()));
        assert_eq!(wire.run(Pipeline::of([&ask])).await, Err(closed), "and from then on at once");
    }
}
