//! Where one reply ends and the next one begins, in RESP2 and in RESP3.

/// Follows what a server sends.
#[derive(Debug, Default)]
pub struct Frames {
    /// The head of a value as far as it has come.
    head: Vec<u8>,
    /// Bytes of a bulk that are still to come, its end included.
    bulk: usize,
    /// Of each aggregate around here, how many values are still to come.
    open: Vec<usize>,
}

impl Frames {
    /// Whether every reply that has begun has ended.
    pub fn is_between(&self) -> bool {
        self.head.is_empty() && self.bulk == 0 && self.open.is_empty()
    }

    /// Follows these bytes up to the end of a reply at most, and says how many of them those were.
    pub fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.bulk > 0 {
                let count = self.bulk.min(bytes.len() - at);
                (self.bulk, at) = (self.bulk - count, at + count);
                if self.bulk > 0 {
                    break;
                }
            } else {
                self.head.push(bytes[at]);
                at += 1;
                if !self.head.ends_with(b"\n") || !self.is_whole() {
                    continue;
                }
            }
            while let Some(left) = self.open.last_mut() {
                *left -= 1;
                if *left > 0 {
                    break;
                }
                self.open.pop();
            }
            if self.open.is_empty() {
                break;
            }
        }
        at
    }

    /// Takes the head that has come, and says whether its value is whole with it.
    fn is_whole(&mut self) -> bool {
        let head = std::mem::take(&mut self.head);
        let number = std::str::from_utf8(&head[1..]).ok().and_then(|text| text.trim_end().parse::<usize>().ok());
        match (head[0], number) {
            (b'$' | b'=' | b'!', Some(length)) => self.bulk = length + 2,
            (b'*' | b'~' | b'>', Some(count @ 1..)) => self.open.push(count),
            (b'%', Some(count @ 1..)) => self.open.push(count * 2),
            // The value that it is about belongs to it.
            (b'|', Some(count)) => self.open.push(count * 2 + 1),
            _ => return true,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Frames;

    #[test]
    fn replies_are_told_apart_however_they_come() {
        let replies: [&[u8]; 10] = [
            b"+OK\r\n",
            b"$-1\r\n",
            b"$0\r\n\r\n",
            b"$5\r\n*1\r\n+\r\n",
            b"*0\r\n",
            b"*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
            b"%1\r\n+a\r\n*2\r\n_\r\n#t\r\n",
            b"|1\r\n+a\r\n+b\r\n~2\r\n:1\r\n:2\r\n",
            b">2\r\n+a\r\n*-1\r\n",
            b"-ERR no\r\n",
        ];
        let stream = replies.concat();
        for piece in [1, 2, 3, 7, stream.len()] {
            let (mut frames, mut at, mut ends) = (Frames::default(), 0, Vec::new());
            while at < stream.len() {
                at += frames.follow(&stream[at..stream.len().min(at + piece)]);
                if frames.is_between() {
                    ends.push(at);
                }
            }
            let expected: Vec<usize> = replies
                .iter()
                .scan(0, |end, reply| {
                    *end += reply.len();
                    Some(*end)
                })
                .collect();
            assert_eq!(ends, expected, "{piece} bytes at a time");
        }
    }
}
