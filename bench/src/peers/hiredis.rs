//! hiredis, called through its C interface: the reader in four calls, the command writer, and its connection.

use super::Words;
use crate::fleet::PATIENCE;
use crate::measure::Contender;
use rediscluster_testing::Server;
use std::ffi::{c_char, c_int, c_long, c_void, CString};
use std::ptr;

/// As it is told.
const NAME: &str = "hiredis";
/// The type of a reply that is an error.
const ERROR: c_int = 6;

#[repr(C)]
#[derive(Clone, Copy)]
struct Timeval {
    seconds: c_long,
    micros: c_long,
}

#[link(name = "hiredis")]
extern "C" {
    fn redisReaderCreate() -> *mut c_void;
    fn redisReaderFree(reader: *mut c_void);
    fn redisReaderFeed(reader: *mut c_void, bytes: *const c_char, length: usize) -> c_int;
    fn redisReaderGetReply(reader: *mut c_void, reply: *mut *mut c_void) -> c_int;
    fn freeReplyObject(reply: *mut c_void);
    fn redisFormatCommandArgv(
        target: *mut *mut c_char,
        count: c_int,
        arguments: *const *const c_char,
        lengths: *const usize,
    ) -> c_int;
    fn redisFreeCommand(command: *mut c_char);
    fn redisConnectWithTimeout(host: *const c_char, port: c_int, timeout: Timeval) -> *mut c_void;
    fn redisSetTimeout(context: *mut c_void, timeout: Timeval) -> c_int;
    fn redisFree(context: *mut c_void);
    fn redisAppendCommandArgv(
        context: *mut c_void,
        count: c_int,
        arguments: *const *const c_char,
        lengths: *const usize,
    ) -> c_int;
    fn redisGetReply(context: *mut c_void, reply: *mut *mut c_void) -> c_int;
}

struct Reader(*mut c_void);

impl Reader {
    fn new() -> Reader {
        // SAFETY: takes nothing and gives a new reader, or null when there is no memory.
        let reader = unsafe { redisReaderCreate() };
        assert!(!reader.is_null());
        Reader(reader)
    }

    /// Reads as many whole replies out of the bytes and frees them again.
    fn read(&mut self, bytes: &[u8], replies: usize) {
        // SAFETY: the reader lives as long as `self`; the bytes are copied; each reply is ours and freed once.
        unsafe {
            assert_eq!(redisReaderFeed(self.0, bytes.as_ptr().cast(), bytes.len()), 0);
            for _ in 0..replies {
                let mut reply = ptr::null_mut();
                assert_eq!(redisReaderGetReply(self.0, &mut reply), 0);
                assert!(!reply.is_null());
                freeReplyObject(reply);
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: made by redisReaderCreate and freed only here.
        unsafe { redisReaderFree(self.0) }
    }
}

/// Arguments as the library takes them.
struct Arguments<'a> {
    pointers: Vec<*const c_char>,
    lengths: Vec<usize>,
    _of: &'a [&'a [u8]],
}

impl<'a> Arguments<'a> {
    fn of(words: &'a [&'a [u8]]) -> Arguments<'a> {
        Arguments {
            pointers: words.iter().map(|word| word.as_ptr().cast()).collect(),
            lengths: words.iter().map(|word| word.len()).collect(),
            _of: words,
        }
    }

    fn count(&self) -> c_int {
        c_int::try_from(self.lengths.len()).expect("a command")
    }
}

/// How long the command is on the wire, once it is written.
fn write(words: &[&[u8]]) -> usize {
    let arguments = Arguments::of(words);
    let mut command = ptr::null_mut();
    // SAFETY: both lists have as many entries as said, each a pointer to as many bytes as said.
    unsafe {
        let length = redisFormatCommandArgv(
            &mut command,
            arguments.count(),
            arguments.pointers.as_ptr(),
            arguments.lengths.as_ptr(),
        );
        assert!(length > 0);
        redisFreeCommand(command);
        length as usize
    }
}

/// A connection.
struct Connection(*mut c_void);

// SAFETY: one thread at a time uses it.
unsafe impl Send for Connection {}

impl Connection {
    fn open(port: u16) -> Connection {
        let host = CString::new("127.0.0.1").expect("no zero in it");
        let patience = Timeval { seconds: PATIENCE.as_secs() as c_long, micros: 0 };
        // SAFETY: the host lives as long as the call; the context is ours.
        let context = unsafe {
            let context = redisConnectWithTimeout(host.as_ptr(), c_int::from(port), patience);
            assert!(!context.is_null() && redisSetTimeout(context, patience) == 0, "hiredis does not connect");
            context
        };
        Connection(context)
    }

    /// Writes the commands together and reads their replies.
    fn run(&mut self, commands: &[Vec<&[u8]>]) {
        for words in commands {
            let arguments = Arguments::of(words);
            // SAFETY: both lists have as many entries as said, each a pointer to as many bytes as said, which are copied.
            let added = unsafe {
                redisAppendCommandArgv(
                    self.0,
                    arguments.count(),
                    arguments.pointers.as_ptr(),
                    arguments.lengths.as_ptr(),
                )
            };
            assert_eq!(added, 0);
        }
        for _ in commands {
            let mut reply = ptr::null_mut();
            // SAFETY: each reply is ours and freed once; its first field is its type.
            unsafe {
                assert_eq!(redisGetReply(self.0, &mut reply), 0, "hiredis has lost its connection");
                assert_ne!(*reply.cast::<c_int>(), ERROR, "an error came");
                freeReplyObject(reply);
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: made by redisConnectWithTimeout and freed only here.
        unsafe { redisFree(self.0) }
    }
}

/// Its allocations are not those that are counted.
fn in_c(contender: Contender) -> Contender {
    Contender { allocates_elsewhere: true, ..contender }
}

/// Has the commands run together, in one call. `gives` is what the same call of others gives.
pub fn contender(server: &Server, commands: Vec<Words>, gives: u64) -> Contender {
    let mut connection = Connection::open(server.port());
    let once = move || {
        let commands: Vec<Vec<&[u8]>> =
            commands.iter().map(|words| words.iter().map(Vec::as_slice).collect()).collect();
        connection.run(&commands);
        gives
    };
    in_c(Contender::new(NAME, &[server.pid()], once))
}

/// Reads so many replies out of bytes that lie in memory.
pub fn reads(bytes: &[u8], replies: usize, gives: u64) -> Contender {
    let (input, mut reader) = (bytes.to_vec(), Reader::new());
    let once = move || {
        reader.read(&input, replies);
        gives
    };
    in_c(Contender::new(NAME, &[], once))
}

/// Writes a command into memory.
pub fn writes(command: Words) -> Contender {
    let once = move || {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        write(&words) as u64
    };
    in_c(Contender::new(NAME, &[], once))
}
