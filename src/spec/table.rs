//! The rows. Data only.

use super::Access::{Connection, Read, Server, Write};
use super::Across::*;
use super::KeySpec::{Numkeys, Options, Range};
use super::OptionValue::{Key, Pattern, Plain};
use super::SetOperation::*;
use super::{Group, KeySpec, RequestPolicy, ResponsePolicy, Spec};

const NONE: &[KeySpec] = &[];
const ONE: &[KeySpec] = &[Range(1, 1, 1)];
const SECOND: &[KeySpec] = &[Range(2, 2, 1)];
const TWO: &[KeySpec] = &[Range(1, 2, 1)];
const ALL_KEYS: &[KeySpec] = &[Range(1, -1, 1)];
const ALL_BUT_LAST: &[KeySpec] = &[Range(1, -2, 1)];
const PAIRS: &[KeySpec] = &[Range(1, -1, 2)];
const COUNTED: &[KeySpec] = &[Numkeys(1)];
const DESTINATION_COUNTED: &[KeySpec] = &[Range(1, 1, 1), Numkeys(2)];
const FROM_SECOND: &[KeySpec] = &[Range(2, -1, 1)];
const SORTED: &[KeySpec] =
    &[Range(1, 1, 1), Options(2, &[("STORE", 1, Key), ("BY", 1, Pattern), ("GET", 1, Pattern), ("LIMIT", 2, Plain)])];
const SORTED_RO: &[KeySpec] =
    &[Range(1, 1, 1), Options(2, &[("BY", 1, Pattern), ("GET", 1, Pattern), ("LIMIT", 2, Plain)])];

macro_rules! rows {
    ($($group:ident { $($id:ident $name:literal $arity:literal $since:literal $access:ident $keys:ident
        $(=> $request:ident $response:ident $across:expr)? ;)* })*) => {
        $($(
            #[doc = concat!("`", $name, "`, since Redis ", $since, ".")]
            pub static $id: Spec = row!($group $name $arity $since $access $keys $(=> $request $response $across)?);
        )*)*

        /// Every row, by topic.
        pub static ALL: &[&Spec] = &[$($(&$id,)*)*];
    };
}

macro_rules! row {
    ($group:ident $name:literal $arity:literal $since:literal $access:ident $keys:ident) => {
        row!($group $name $arity $since $access $keys => OneShard AsIs Never)
    };
    ($group:ident $name:literal $arity:literal $since:literal $access:ident $keys:ident => $request:ident $response:ident $across:expr) => {
        Spec {
            name: $name,
            arity: $arity,
            since: $since,
            group: Group::$group,
            access: $access,
            keys: $keys,
            request: RequestPolicy::$request,
            response: ResponsePolicy::$response,
            across: $across,
        }
    };
}

rows! {
    Strings {
        APPEND "APPEND" 3 "2.0.0" Write ONE;
        DECR "DECR" 2 "1.0.0" Write ONE;
        DECRBY "DECRBY" 3 "1.0.0" Write ONE;
        GET "GET" 2 "1.0.0" Read ONE;
        GETDEL "GETDEL" 2 "6.2.0" Write ONE;
        GETEX "GETEX" -2 "6.2.0" Write ONE;
        GETRANGE "GETRANGE" 4 "2.4.0" Read ONE;
        GETSET "GETSET" 3 "1.0.0" Write ONE;
        INCR "INCR" 2 "1.0.0" Write ONE;
        INCRBY "INCRBY" 3 "1.0.0" Write ONE;
        INCRBYFLOAT "INCRBYFLOAT" 3 "2.6.0" Write ONE;
        MGET "MGET" -2 "1.0.0" Read ALL_KEYS => MultiShard KeyOrder Split;
        MSET "MSET" -3 "1.0.1" Write PAIRS => MultiShard AllSucceeded Split;
        MSETNX "MSETNX" -3 "1.0.1" Write PAIRS => Special Special SetIfNoneExists;
        PSETEX "PSETEX" 4 "2.6.0" Write ONE;
        SET "SET" -3 "1.0.0" Write ONE;
        SETEX "SETEX" 4 "2.0.0" Write ONE;
        SETNX "SETNX" 3 "1.0.0" Write ONE;
        SETRANGE "SETRANGE" 4 "2.2.0" Write ONE;
        STRLEN "STRLEN" 2 "2.2.0" Read ONE;
        SUBSTR "SUBSTR" 4 "1.0.0" Read ONE;
    }
    Bitmaps {
        BITCOUNT "BITCOUNT" -2 "2.6.0" Read ONE;
        BITFIELD "BITFIELD" -2 "3.2.0" Write ONE;
        BITFIELD_RO "BITFIELD_RO" -2 "6.0.0" Read ONE;
        BITOP "BITOP" -4 "2.6.0" Write FROM_SECOND => Special Special Refuse;
        BITPOS "BITPOS" -3 "2.8.7" Read ONE;
        GETBIT "GETBIT" 3 "2.2.0" Read ONE;
        SETBIT "SETBIT" 4 "2.2.0" Write ONE;
    }
    Keys {
        COPY "COPY" -3 "6.2.0" Write TWO => Special Special Refuse;
        DEL "DEL" -2 "1.0.0" Write ALL_KEYS => MultiShard AggSum Split;
        DUMP "DUMP" 2 "2.6.0" Read ONE;
        EXISTS "EXISTS" -2 "1.0.0" Read ALL_KEYS => MultiShard AggSum Split;
        EXPIRE "EXPIRE" -3 "1.0.0" Write ONE;
        EXPIREAT "EXPIREAT" -3 "1.2.0" Write ONE;
        EXPIRETIME "EXPIRETIME" 2 "7.0.0" Read ONE;
        KEYS "KEYS" 2 "1.0.0" Read NONE => AllShards Union Never;
        MOVE "MOVE" 3 "1.0.0" Write ONE;
        OBJECT_ENCODING "OBJECT ENCODING" 3 "2.2.3" Read SECOND;
        OBJECT_FREQ "OBJECT FREQ" 3 "4.0.0" Read SECOND;
        OBJECT_IDLETIME "OBJECT IDLETIME" 3 "2.2.3" Read SECOND;
        OBJECT_REFCOUNT "OBJECT REFCOUNT" 3 "2.2.3" Read SECOND;
        PERSIST "PERSIST" 2 "2.2.0" Write ONE;
        PEXPIRE "PEXPIRE" -3 "2.6.0" Write ONE;
        PEXPIREAT "PEXPIREAT" -3 "2.6.0" Write ONE;
        PEXPIRETIME "PEXPIRETIME" 2 "7.0.0" Read ONE;
        PTTL "PTTL" 2 "2.6.0" Read ONE;
        RANDOMKEY "RANDOMKEY" 1 "1.0.0" Read NONE => Special Special DrawNode;
        RENAME "RENAME" 3 "1.0.0" Write TWO => Special Special Rename;
        RENAMENX "RENAMENX" 3 "1.0.0" Write TWO => Special Special Rename;
        RESTORE "RESTORE" -4 "2.6.0" Write ONE;
        SORT "SORT" -2 "1.0.0" Write SORTED => Special Special Refuse;
        SORT_RO "SORT_RO" -2 "7.0.0" Read SORTED_RO => Special Special Refuse;
        TOUCH "TOUCH" -2 "3.2.1" Read ALL_KEYS => MultiShard AggSum Split;
        TTL "TTL" 2 "1.0.0" Read ONE;
        TYPE "TYPE" 2 "1.0.0" Read ONE;
        UNLINK "UNLINK" -2 "4.0.0" Write ALL_KEYS => MultiShard AggSum Split;
    }
    Hashes {
        HDEL "HDEL" -3 "2.0.0" Write ONE;
        HEXISTS "HEXISTS" 3 "2.0.0" Read ONE;
        HGET "HGET" 3 "2.0.0" Read ONE;
        HGETALL "HGETALL" 2 "2.0.0" Read ONE;
        HINCRBY "HINCRBY" 4 "2.0.0" Write ONE;
        HINCRBYFLOAT "HINCRBYFLOAT" 4 "2.6.0" Write ONE;
        HKEYS "HKEYS" 2 "2.0.0" Read ONE;
        HLEN "HLEN" 2 "2.0.0" Read ONE;
        HMGET "HMGET" -3 "2.0.0" Read ONE;
        HMSET "HMSET" -4 "2.0.0" Write ONE;
        HRANDFIELD "HRANDFIELD" -2 "6.2.0" Read ONE;
        HSET "HSET" -4 "2.0.0" Write ONE;
        HSETNX "HSETNX" 4 "2.0.0" Write ONE;
        HSTRLEN "HSTRLEN" 3 "3.2.0" Read ONE;
        HVALS "HVALS" 2 "2.0.0" Read ONE;
    }
    Lists {
        BLMOVE "BLMOVE" 6 "6.2.0" Write TWO => Special Special MoveElement;
        BLPOP "BLPOP" -3 "2.0.0" Write ALL_BUT_LAST => Special Special Refuse;
        BRPOP "BRPOP" -3 "2.0.0" Write ALL_BUT_LAST => Special Special Refuse;
        BRPOPLPUSH "BRPOPLPUSH" 4 "2.2.0" Write TWO => Special Special MoveElement;
        LINDEX "LINDEX" 3 "1.0.0" Read ONE;
        LINSERT "LINSERT" 5 "2.2.0" Write ONE;
        LLEN "LLEN" 2 "1.0.0" Read ONE;
        LMOVE "LMOVE" 5 "6.2.0" Write TWO => Special Special MoveElement;
        LPOP "LPOP" -2 "1.0.0" Write ONE;
        LPOS "LPOS" -3 "6.0.6" Read ONE;
        LPUSH "LPUSH" -3 "1.0.0" Write ONE;
        LPUSHX "LPUSHX" -3 "2.2.0" Write ONE;
        LRANGE "LRANGE" 4 "1.0.0" Read ONE;
        LREM "LREM" 4 "1.0.0" Write ONE;
        LSET "LSET" 4 "1.0.0" Write ONE;
        LTRIM "LTRIM" 4 "1.0.0" Write ONE;
        RPOP "RPOP" -2 "1.0.0" Write ONE;
        RPOPLPUSH "RPOPLPUSH" 3 "1.2.0" Write TWO => Special Special MoveElement;
        RPUSH "RPUSH" -3 "1.0.0" Write ONE;
        RPUSHX "RPUSHX" -3 "2.2.0" Write ONE;
    }
    Sets {
        SADD "SADD" -3 "1.0.0" Write ONE;
        SCARD "SCARD" 2 "1.0.0" Read ONE;
        SDIFF "SDIFF" -2 "1.0.0" Read ALL_KEYS => Special Special MergeSets(Difference);
        SDIFFSTORE "SDIFFSTORE" -3 "1.0.0" Write ALL_KEYS => Special Special StoreSets(Difference);
        SINTER "SINTER" -2 "1.0.0" Read ALL_KEYS => Special Special MergeSets(Intersection);
        SINTERCARD "SINTERCARD" -3 "7.0.0" Read COUNTED => Special Special Refuse;
        SINTERSTORE "SINTERSTORE" -3 "1.0.0" Write ALL_KEYS => Special Special StoreSets(Intersection);
        SISMEMBER "SISMEMBER" 3 "1.0.0" Read ONE;
        SMEMBERS "SMEMBERS" 2 "1.0.0" Read ONE;
        SMISMEMBER "SMISMEMBER" -3 "6.2.0" Read ONE;
        SMOVE "SMOVE" 4 "1.0.0" Write TWO => Special Special MoveMember;
        SPOP "SPOP" -2 "1.0.0" Write ONE;
        SRANDMEMBER "SRANDMEMBER" -2 "1.0.0" Read ONE;
        SREM "SREM" -3 "1.0.0" Write ONE;
        SUNION "SUNION" -2 "1.0.0" Read ALL_KEYS => Special Special MergeSets(Union);
        SUNIONSTORE "SUNIONSTORE" -3 "1.0.0" Write ALL_KEYS => Special Special StoreSets(Union);
    }
    SortedSets {
        BZPOPMAX "BZPOPMAX" -3 "5.0.0" Write ALL_BUT_LAST => Special Special Refuse;
        BZPOPMIN "BZPOPMIN" -3 "5.0.0" Write ALL_BUT_LAST => Special Special Refuse;
        ZADD "ZADD" -4 "1.2.0" Write ONE;
        ZCARD "ZCARD" 2 "1.2.0" Read ONE;
        ZCOUNT "ZCOUNT" 4 "2.0.0" Read ONE;
        ZDIFF "ZDIFF" -3 "6.2.0" Read COUNTED => Special Special Refuse;
        ZDIFFSTORE "ZDIFFSTORE" -4 "6.2.0" Write DESTINATION_COUNTED => Special Special Refuse;
        ZINCRBY "ZINCRBY" 4 "1.2.0" Write ONE;
        ZINTER "ZINTER" -3 "6.2.0" Read COUNTED => Special Special Refuse;
        ZINTERCARD "ZINTERCARD" -3 "7.0.0" Read COUNTED => Special Special Refuse;
        ZINTERSTORE "ZINTERSTORE" -4 "2.0.0" Write DESTINATION_COUNTED => Special Special Refuse;
        ZLEXCOUNT "ZLEXCOUNT" 4 "2.8.9" Read ONE;
        ZMSCORE "ZMSCORE" -3 "6.2.0" Read ONE;
        ZPOPMAX "ZPOPMAX" -2 "5.0.0" Write ONE;
        ZPOPMIN "ZPOPMIN" -2 "5.0.0" Write ONE;
        ZRANDMEMBER "ZRANDMEMBER" -2 "6.2.0" Read ONE;
        ZRANGE "ZRANGE" -4 "1.2.0" Read ONE;
        ZRANGEBYLEX "ZRANGEBYLEX" -4 "2.8.9" Read ONE;
        ZRANGEBYSCORE "ZRANGEBYSCORE" -4 "1.0.5" Read ONE;
        ZRANGESTORE "ZRANGESTORE" -5 "6.2.0" Write TWO => Special Special Refuse;
        ZRANK "ZRANK" -3 "2.0.0" Read ONE;
        ZREM "ZREM" -3 "1.2.0" Write ONE;
        ZREMRANGEBYLEX "ZREMRANGEBYLEX" 4 "2.8.9" Write ONE;
        ZREMRANGEBYRANK "ZREMRANGEBYRANK" 4 "2.0.0" Write ONE;
        ZREMRANGEBYSCORE "ZREMRANGEBYSCORE" 4 "1.2.0" Write ONE;
        ZREVRANGE "ZREVRANGE" -4 "1.2.0" Read ONE;
        ZREVRANGEBYLEX "ZREVRANGEBYLEX" -4 "2.8.9" Read ONE;
        ZREVRANGEBYSCORE "ZREVRANGEBYSCORE" -4 "2.2.0" Read ONE;
        ZREVRANK "ZREVRANK" -3 "2.0.0" Read ONE;
        ZSCORE "ZSCORE" 3 "1.2.0" Read ONE;
        ZUNION "ZUNION" -3 "6.2.0" Read COUNTED => Special Special Refuse;
        ZUNIONSTORE "ZUNIONSTORE" -4 "2.0.0" Write DESTINATION_COUNTED => Special Special Refuse;
    }
    Server {
        BGREWRITEAOF "BGREWRITEAOF" 1 "1.0.0" Server NONE => AllNodes PerNode Never;
        BGSAVE "BGSAVE" -1 "1.0.0" Server NONE => AllNodes PerNode Never;
        CLIENT_LIST "CLIENT LIST" -2 "2.4.0" Server NONE => AllNodes PerNode Never;
        CONFIG_GET "CONFIG GET" -3 "2.0.0" Server NONE => AllNodes PerNode Never;
        CONFIG_RESETSTAT "CONFIG RESETSTAT" 2 "2.0.0" Server NONE => AllNodes PerNode Never;
        CONFIG_REWRITE "CONFIG REWRITE" 2 "2.8.0" Server NONE => AllNodes PerNode Never;
        CONFIG_SET "CONFIG SET" -4 "2.0.0" Server NONE => AllNodes PerNode Never;
        DBSIZE "DBSIZE" 1 "1.0.0" Read NONE => AllShards AggSum Never;
        DEBUG_OBJECT "DEBUG OBJECT" 3 "1.0.0" Server SECOND;
        FLUSHALL "FLUSHALL" -1 "1.0.0" Write NONE => AllShards AllSucceeded Never;
        FLUSHDB "FLUSHDB" -1 "1.0.0" Write NONE => AllShards AllSucceeded Never;
        INFO "INFO" -1 "1.0.0" Server NONE => AllNodes PerNode Never;
        LASTSAVE "LASTSAVE" 1 "1.0.0" Server NONE => AllNodes PerNode Never;
        SAVE "SAVE" 1 "1.0.0" Server NONE => AllNodes PerNode Never;
        TIME "TIME" 1 "2.6.0" Server NONE => AllNodes PerNode Never;
    }
    Connection {
        AUTH "AUTH" -2 "1.0.0" Connection NONE;
        CLIENT_REPLY "CLIENT REPLY" 3 "3.2.0" Connection NONE;
        CLIENT_SETNAME "CLIENT SETNAME" 3 "2.6.9" Connection NONE;
        DISCARD "DISCARD" 1 "2.0.0" Connection NONE;
        ECHO "ECHO" 2 "1.0.0" Server NONE;
        EXEC "EXEC" 1 "1.2.0" Connection NONE;
        HELLO "HELLO" -1 "6.0.0" Connection NONE;
        MONITOR "MONITOR" 1 "1.0.0" Connection NONE;
        MULTI "MULTI" 1 "1.2.0" Connection NONE;
        PING "PING" -1 "1.0.0" Server NONE => AllNodes PerNode Never;
        PSUBSCRIBE "PSUBSCRIBE" -2 "2.0.0" Connection NONE;
        QUIT "QUIT" -1 "1.0.0" Connection NONE;
        RESET "RESET" 1 "6.2.0" Connection NONE;
        SELECT "SELECT" 2 "1.0.0" Connection NONE;
        SSUBSCRIBE "SSUBSCRIBE" -2 "7.0.0" Connection NONE;
        SUBSCRIBE "SUBSCRIBE" -2 "2.0.0" Connection NONE;
        UNWATCH "UNWATCH" 1 "2.2.0" Connection NONE;
        WATCH "WATCH" -2 "2.2.0" Connection ALL_KEYS;
    }
}
