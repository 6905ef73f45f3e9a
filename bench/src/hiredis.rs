//! hiredis, called through its C interface: the reader in four calls, and the command writer.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

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
}

pub struct Reader(*mut c_void);

impl Reader {
    pub fn new() -> Reader {
        // SAFETY: takes nothing and gives a new reader, or null when there is no memory.
        let reader = unsafe { redisReaderCreate() };
        assert!(!reader.is_null());
        Reader(reader)
    }

    /// Reads as many whole replies out of the bytes and frees them again.
    pub fn read(&mut self, bytes: &[u8], replies: usize) {
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

/// How long the command is on the wire, once it is written.
pub fn write(arguments: &[&[u8]]) -> usize {
    let pointers: Vec<*const c_char> = arguments.iter().map(|argument| argument.as_ptr().cast()).collect();
    let lengths: Vec<usize> = arguments.iter().map(|argument| argument.len()).collect();
    let mut command = ptr::null_mut();
    // SAFETY: both lists have as many entries as said, each a pointer to as many bytes as said.
    unsafe {
        let length =
            redisFormatCommandArgv(&mut command, arguments.len() as c_int, pointers.as_ptr(), lengths.as_ptr());
        assert!(length > 0);
        redisFreeCommand(command);
        length as usize
    }
}
