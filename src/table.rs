//! The command table. One row a command, and no second list anywhere: routing, merging, the command line and the tests read
//! these rows.

mod by_name;
mod keys;
#[cfg(test)]
mod merging;
#[cfg(test)]
mod planning_work;
#[macro_use]
mod row_syntax;

pub use by_name::{cmd, find};

use crate::command::Access::{Connection, Read, Server, Write};
use crate::command::{Group, RequestPolicy, ResponsePolicy, Spec, WaitArgument};
use crate::cross_node as strategy;
use crate::execute::{Row, Strategy};
use keys::*;

/// Every row, by topic.
pub const ALL: &[&Row] = &pointed_to::<{ ROWS.len() }>();

const fn pointed_to<const COUNT: usize>() -> [&'static Row; COUNT] {
    let mut all = [&ROWS[0]; COUNT];
    let mut at = 1;
    while at < COUNT {
        all[at] = &ROWS[at];
        at += 1;
    }
    all
}

rows! {
    Strings {
        APPEND "APPEND" 3 "2.0.0" Write ONE fast;
        DECR "DECR" 2 "1.0.0" Write ONE fast;
        DECRBY "DECRBY" 3 "1.0.0" Write ONE fast;
        DELIFEQ "DELIFEQ" 3 "valkey 9.0.0" Write ONE fast;
        GET "GET" 2 "1.0.0" Read ONE fast;
        GETDEL "GETDEL" 2 "6.2.0" Write ONE fast;
        GETEX "GETEX" -2 "6.2.0" Write ONE fast;
        GETRANGE "GETRANGE" 4 "2.4.0" Read ONE;
        GETSET "GETSET" 3 "1.0.0" Write ONE fast;
        INCR "INCR" 2 "1.0.0" Write ONE fast;
        INCRBY "INCRBY" 3 "1.0.0" Write ONE fast;
        INCRBYFLOAT "INCRBYFLOAT" 3 "2.6.0" Write ONE fast;
        LCS "LCS" -3 "7.0.0" Read TWO => Special SPECIAL CARRY_SOURCES;
        MGET "MGET" -2 "1.0.0" Read ALL_KEYS => MultiShard KEY_ORDER SPLIT;
        MSET "MSET" -3 "1.0.1" Write PAIRS => MultiShard ALL_SUCCEEDED SPLIT;
        MSETEX "MSETEX" -4 "valkey 9.1.0" Write COUNTED_PAIRS => Special SPECIAL REFUSE;
        MSETNX "MSETNX" -3 "1.0.1" Write PAIRS => Special SPECIAL SET_IF_NONE_EXISTS;
        PSETEX "PSETEX" 4 "2.6.0" Write ONE fast;
        SET "SET" -3 "1.0.0" Write ONE fast;
        SETEX "SETEX" 4 "2.0.0" Write ONE fast;
        SETNX "SETNX" 3 "1.0.0" Write ONE fast;
        SETRANGE "SETRANGE" 4 "2.2.0" Write ONE;
        STRLEN "STRLEN" 2 "2.2.0" Read ONE fast;
        SUBSTR "SUBSTR" 4 "1.0.0" Read ONE;
    }
    Bitmaps {
        BITCOUNT "BITCOUNT" -2 "2.6.0" Read ONE;
        BITFIELD "BITFIELD" -2 "3.2.0" Write ONE;
        BITFIELD_RO "BITFIELD_RO" -2 "6.0.0" Read ONE fast;
        BITOP "BITOP" -4 "2.6.0" Write FROM_SECOND => Special SPECIAL CARRY_SOURCES;
        BITPOS "BITPOS" -3 "2.8.7" Read ONE;
        GETBIT "GETBIT" 3 "2.2.0" Read ONE fast;
        SETBIT "SETBIT" 4 "2.2.0" Write ONE;
    }
    Keys {
        COPY "COPY" -3 "6.2.0" Write TWO => Special SPECIAL COPY;
        DEL "DEL" -2 "1.0.0" Write ALL_KEYS => MultiShard AGG_SUM SPLIT;
        DUMP "DUMP" 2 "2.6.0" Read ONE;
        EXISTS "EXISTS" -2 "1.0.0" Read ALL_KEYS => MultiShard AGG_SUM SPLIT;
        EXPIRE "EXPIRE" -3 "1.0.0" Write ONE fast;
        EXPIREAT "EXPIREAT" -3 "1.2.0" Write ONE fast;
        EXPIRETIME "EXPIRETIME" 2 "7.0.0" Read ONE fast;
        KEYS "KEYS" 2 "1.0.0" Read NONE => AllShards UNION NEVER;
        MIGRATE "MIGRATE" -6 "2.6.0" Write MIGRATED => Special SPECIAL REFUSE;
        MOVE "MOVE" 3 "1.0.0" Write ONE fast;
        OBJECT_ENCODING "OBJECT ENCODING" 3 "2.2.3" Read SECOND;
        OBJECT_FREQ "OBJECT FREQ" 3 "4.0.0" Read SECOND;
        OBJECT_HELP "OBJECT HELP" 2 "6.2.0" Server NONE;
        OBJECT_IDLETIME "OBJECT IDLETIME" 3 "2.2.3" Read SECOND;
        OBJECT_REFCOUNT "OBJECT REFCOUNT" 3 "2.2.3" Read SECOND;
        PERSIST "PERSIST" 2 "2.2.0" Write ONE fast;
        PEXPIRE "PEXPIRE" -3 "2.6.0" Write ONE fast;
        PEXPIREAT "PEXPIREAT" -3 "2.6.0" Write ONE fast;
        PEXPIRETIME "PEXPIRETIME" 2 "7.0.0" Read ONE fast;
        PTTL "PTTL" 2 "2.6.0" Read ONE fast;
        RANDOMKEY "RANDOMKEY" 1 "1.0.0" Read NONE => Special SPECIAL DRAW_NODE;
        RENAME "RENAME" 3 "1.0.0" Write TWO => Special SPECIAL RENAME;
        RENAMENX "RENAMENX" 3 "1.0.0" Write TWO => Special SPECIAL RENAME;
        RESTORE "RESTORE" -4 "2.6.0" Write ONE;
        RESTORE_ASKING "RESTORE-ASKING" -4 "3.0.0" Write ONE;
        SCAN "SCAN" -2 "2.8.0" Read NONE => OneServer AS_IS NEVER;
        SORT "SORT" -2 "1.0.0" Write SORTED => Special SPECIAL SORT;
        SORT_RO "SORT_RO" -2 "7.0.0" Read SORTED_RO => Special SPECIAL SORT;
        TOUCH "TOUCH" -2 "3.2.1" Read ALL_KEYS => OneMaster AGG_SUM SPLIT;
        TTL "TTL" 2 "1.0.0" Read ONE fast;
        TYPE "TYPE" 2 "1.0.0" Read ONE fast;
        UNLINK "UNLINK" -2 "4.0.0" Write ALL_KEYS => MultiShard AGG_SUM SPLIT;
    }
    Hashes {
        HDEL "HDEL" -3 "2.0.0" Write ONE fast;
        HEXISTS "HEXISTS" 3 "2.0.0" Read ONE fast;
        HEXPIRE "HEXPIRE" -6 "7.4.0" Write ONE fast;
        HEXPIREAT "HEXPIREAT" -6 "7.4.0" Write ONE fast;
        HEXPIRETIME "HEXPIRETIME" -5 "7.4.0" Read ONE fast;
        HGET "HGET" 3 "2.0.0" Read ONE fast;
        HGETALL "HGETALL" 2 "2.0.0" Read ONE;
        HGETDEL "HGETDEL" -5 "8.0.0" Write ONE fast;
        HGETEX "HGETEX" -5 "8.0.0" Write ONE fast;
        HINCRBY "HINCRBY" 4 "2.0.0" Write ONE fast;
        HINCRBYFLOAT "HINCRBYFLOAT" 4 "2.6.0" Write ONE fast;
        HKEYS "HKEYS" 2 "2.0.0" Read ONE;
        HLEN "HLEN" 2 "2.0.0" Read ONE fast;
        HMGET "HMGET" -3 "2.0.0" Read ONE fast;
        HMSET "HMSET" -4 "2.0.0" Write ONE fast;
        HPERSIST "HPERSIST" -5 "7.4.0" Write ONE fast;
        HPEXPIRE "HPEXPIRE" -6 "7.4.0" Write ONE fast;
        HPEXPIREAT "HPEXPIREAT" -6 "7.4.0" Write ONE fast;
        HPEXPIRETIME "HPEXPIRETIME" -5 "7.4.0" Read ONE fast;
        HPTTL "HPTTL" -5 "7.4.0" Read ONE fast;
        HRANDFIELD "HRANDFIELD" -2 "6.2.0" Read ONE;
        HSCAN "HSCAN" -3 "2.8.0" Read ONE => OneMaster AS_IS NEVER;
        HSET "HSET" -4 "2.0.0" Write ONE fast;
        HSETEX "HSETEX" -6 "8.0.0" Write ONE fast;
        HSETNX "HSETNX" 4 "2.0.0" Write ONE fast;
        HSTRLEN "HSTRLEN" 3 "3.2.0" Read ONE fast;
        HTTL "HTTL" -5 "7.4.0" Read ONE fast;
        HVALS "HVALS" 2 "2.0.0" Read ONE;
    }
    Lists {
        BLMOVE "BLMOVE" 6 "6.2.0" Write TWO => Special SPECIAL MOVE_ELEMENT, LastSeconds;
        BLMPOP "BLMPOP" -5 "7.0.0" Write COUNTED_SECOND => Special SPECIAL FIRST_THAT_HAS, FirstSeconds;
        BLPOP "BLPOP" -3 "2.0.0" Write ALL_BUT_LAST => Special SPECIAL FIRST_THAT_HAS, LastSeconds;
        BRPOP "BRPOP" -3 "2.0.0" Write ALL_BUT_LAST => Special SPECIAL FIRST_THAT_HAS, LastSeconds;
        BRPOPLPUSH "BRPOPLPUSH" 4 "2.2.0" Write TWO => Special SPECIAL MOVE_ELEMENT, LastSeconds;
        LINDEX "LINDEX" 3 "1.0.0" Read ONE;
        LINSERT "LINSERT" 5 "2.2.0" Write ONE;
        LLEN "LLEN" 2 "1.0.0" Read ONE fast;
        LMOVE "LMOVE" 5 "6.2.0" Write TWO => Special SPECIAL MOVE_ELEMENT;
        LMPOP "LMPOP" -4 "7.0.0" Write COUNTED => Special SPECIAL FIRST_THAT_HAS;
        LPOP "LPOP" -2 "1.0.0" Write ONE fast;
        LPOS "LPOS" -3 "6.0.6" Read ONE;
        LPUSH "LPUSH" -3 "1.0.0" Write ONE fast;
        LPUSHX "LPUSHX" -3 "2.2.0" Write ONE fast;
        LRANGE "LRANGE" 4 "1.0.0" Read ONE;
        LREM "LREM" 4 "1.0.0" Write ONE;
        LSET "LSET" 4 "1.0.0" Write ONE;
        LTRIM "LTRIM" 4 "1.0.0" Write ONE;
        RPOP "RPOP" -2 "1.0.0" Write ONE fast;
        RPOPLPUSH "RPOPLPUSH" 3 "1.2.0" Write TWO => Special SPECIAL MOVE_ELEMENT;
        RPUSH "RPUSH" -3 "1.0.0" Write ONE fast;
        RPUSHX "RPUSHX" -3 "2.2.0" Write ONE fast;
    }
    Sets {
        SADD "SADD" -3 "1.0.0" Write ONE fast;
        SCARD "SCARD" 2 "1.0.0" Read ONE fast;
        SDIFF "SDIFF" -2 "1.0.0" Read ALL_KEYS => Special SPECIAL MERGE_DIFFERENCE;
        SDIFFSTORE "SDIFFSTORE" -3 "1.0.0" Write ALL_KEYS => Special SPECIAL STORE_DIFFERENCE;
        SINTER "SINTER" -2 "1.0.0" Read ALL_KEYS => Special SPECIAL MERGE_INTERSECTION;
        SINTERCARD "SINTERCARD" -3 "7.0.0" Read COUNTED => Special SPECIAL CARRY_SOURCES;
        SINTERSTORE "SINTERSTORE" -3 "1.0.0" Write ALL_KEYS => Special SPECIAL STORE_INTERSECTION;
        SISMEMBER "SISMEMBER" 3 "1.0.0" Read ONE fast;
        SMEMBERS "SMEMBERS" 2 "1.0.0" Read ONE;
        SMISMEMBER "SMISMEMBER" -3 "6.2.0" Read ONE fast;
        SMOVE "SMOVE" 4 "1.0.0" Write TWO => Special SPECIAL MOVE_MEMBER;
        SPOP "SPOP" -2 "1.0.0" Write ONE fast;
        SRANDMEMBER "SRANDMEMBER" -2 "1.0.0" Read ONE;
        SREM "SREM" -3 "1.0.0" Write ONE fast;
        SSCAN "SSCAN" -3 "2.8.0" Read ONE => OneMaster AS_IS NEVER;
        SUNION "SUNION" -2 "1.0.0" Read ALL_KEYS => Special SPECIAL MERGE_UNION;
        SUNIONSTORE "SUNIONSTORE" -3 "1.0.0" Write ALL_KEYS => Special SPECIAL STORE_UNION;
    }
    SortedSets {
        BZMPOP "BZMPOP" -5 "7.0.0" Write COUNTED_SECOND => Special SPECIAL FIRST_THAT_HAS, FirstSeconds;
        BZPOPMAX "BZPOPMAX" -3 "5.0.0" Write ALL_BUT_LAST => Special SPECIAL FIRST_THAT_HAS, LastSeconds;
        BZPOPMIN "BZPOPMIN" -3 "5.0.0" Write ALL_BUT_LAST => Special SPECIAL FIRST_THAT_HAS, LastSeconds;
        ZADD "ZADD" -4 "1.2.0" Write ONE fast;
        ZCARD "ZCARD" 2 "1.2.0" Read ONE fast;
        ZCOUNT "ZCOUNT" 4 "2.0.0" Read ONE fast;
        ZDIFF "ZDIFF" -3 "6.2.0" Read COUNTED => Special SPECIAL CARRY_SOURCES;
        ZDIFFSTORE "ZDIFFSTORE" -4 "6.2.0" Write DESTINATION_COUNTED => Special SPECIAL CARRY_SOURCES;
        ZINCRBY "ZINCRBY" 4 "1.2.0" Write ONE fast;
        ZINTER "ZINTER" -3 "6.2.0" Read COUNTED => Special SPECIAL CARRY_SOURCES;
        ZINTERCARD "ZINTERCARD" -3 "7.0.0" Read COUNTED => Special SPECIAL CARRY_SOURCES;
        ZINTERSTORE "ZINTERSTORE" -4 "2.0.0" Write DESTINATION_COUNTED => Special SPECIAL CARRY_SOURCES;
        ZLEXCOUNT "ZLEXCOUNT" 4 "2.8.9" Read ONE fast;
        ZMPOP "ZMPOP" -4 "7.0.0" Write COUNTED => Special SPECIAL FIRST_THAT_HAS;
        ZMSCORE "ZMSCORE" -3 "6.2.0" Read ONE fast;
        ZPOPMAX "ZPOPMAX" -2 "5.0.0" Write ONE fast;
        ZPOPMIN "ZPOPMIN" -2 "5.0.0" Write ONE fast;
        ZRANDMEMBER "ZRANDMEMBER" -2 "6.2.0" Read ONE;
        ZRANGE "ZRANGE" -4 "1.2.0" Read ONE;
        ZRANGEBYLEX "ZRANGEBYLEX" -4 "2.8.9" Read ONE;
        ZRANGEBYSCORE "ZRANGEBYSCORE" -4 "1.0.5" Read ONE;
        ZRANGESTORE "ZRANGESTORE" -5 "6.2.0" Write TWO => Special SPECIAL CARRY_SOURCES;
        ZRANK "ZRANK" -3 "2.0.0" Read ONE fast;
        ZREM "ZREM" -3 "1.2.0" Write ONE fast;
        ZREMRANGEBYLEX "ZREMRANGEBYLEX" 4 "2.8.9" Write ONE;
        ZREMRANGEBYRANK "ZREMRANGEBYRANK" 4 "2.0.0" Write ONE;
        ZREMRANGEBYSCORE "ZREMRANGEBYSCORE" 4 "1.2.0" Write ONE;
        ZREVRANGE "ZREVRANGE" -4 "1.2.0" Read ONE;
        ZREVRANGEBYLEX "ZREVRANGEBYLEX" -4 "2.8.9" Read ONE;
        ZREVRANGEBYSCORE "ZREVRANGEBYSCORE" -4 "2.2.0" Read ONE;
        ZREVRANK "ZREVRANK" -3 "2.0.0" Read ONE fast;
        ZSCAN "ZSCAN" -3 "2.8.0" Read ONE => OneMaster AS_IS NEVER;
        ZSCORE "ZSCORE" 3 "1.2.0" Read ONE fast;
        ZUNION "ZUNION" -3 "6.2.0" Read COUNTED => Special SPECIAL CARRY_SOURCES;
        ZUNIONSTORE "ZUNIONSTORE" -4 "2.0.0" Write DESTINATION_COUNTED => Special SPECIAL CARRY_SOURCES;
    }
    Streams {
        XACK "XACK" -4 "5.0.0" Write ONE fast;
        XACKDEL "XACKDEL" -6 "8.2.0" Write ONE fast;
        XADD "XADD" -5 "5.0.0" Write ONE fast;
        XAUTOCLAIM "XAUTOCLAIM" -6 "6.2.0" Write ONE fast;
        XCLAIM "XCLAIM" -6 "5.0.0" Write ONE fast;
        XDEL "XDEL" -3 "5.0.0" Write ONE fast;
        XDELEX "XDELEX" -5 "8.2.0" Write ONE fast;
        XGROUP_CREATE "XGROUP CREATE" -5 "5.0.0" Write SECOND;
        XGROUP_CREATECONSUMER "XGROUP CREATECONSUMER" 5 "6.2.0" Write SECOND;
        XGROUP_DELCONSUMER "XGROUP DELCONSUMER" 5 "5.0.0" Write SECOND;
        XGROUP_DESTROY "XGROUP DESTROY" 4 "5.0.0" Write SECOND;
        XGROUP_HELP "XGROUP HELP" 2 "5.0.0" Server NONE;
        XGROUP_SETID "XGROUP SETID" -5 "5.0.0" Write SECOND;
        XINFO_CONSUMERS "XINFO CONSUMERS" 4 "5.0.0" Read SECOND;
        XINFO_GROUPS "XINFO GROUPS" 3 "5.0.0" Read SECOND;
        XINFO_HELP "XINFO HELP" 2 "5.0.0" Server NONE;
        XINFO_STREAM "XINFO STREAM" -3 "5.0.0" Read SECOND;
        XLEN "XLEN" 2 "5.0.0" Read ONE fast;
        XPENDING "XPENDING" -3 "5.0.0" Read ONE;
        XRANGE "XRANGE" -4 "5.0.0" Read ONE;
        XREAD "XREAD" -4 "5.0.0" Read STREAMS => Special SPECIAL READ_STREAMS, BlockMillis;
        XREADGROUP "XREADGROUP" -7 "5.0.0" Write STREAMS_OF_GROUP => Special SPECIAL READ_STREAMS, BlockMillis;
        XREVRANGE "XREVRANGE" -4 "5.0.0" Read ONE;
        XSETID "XSETID" -3 "5.0.0" Write ONE fast;
        XTRIM "XTRIM" -4 "5.0.0" Write ONE;
    }
    Geo {
        GEOADD "GEOADD" -5 "3.2.0" Write ONE;
        GEODIST "GEODIST" -4 "3.2.0" Read ONE;
        GEOHASH "GEOHASH" -2 "3.2.0" Read ONE;
        GEOPOS "GEOPOS" -2 "3.2.0" Read ONE;
        GEORADIUS "GEORADIUS" -6 "3.2.0" Write RADIUS => Special SPECIAL CARRY_SOURCES;
        GEORADIUSBYMEMBER "GEORADIUSBYMEMBER" -5 "3.2.0" Write RADIUS => Special SPECIAL CARRY_SOURCES;
        GEORADIUSBYMEMBER_RO "GEORADIUSBYMEMBER_RO" -5 "3.2.10" Read ONE;
        GEORADIUS_RO "GEORADIUS_RO" -6 "3.2.10" Read ONE;
        GEOSEARCH "GEOSEARCH" -7 "6.2.0" Read ONE;
        GEOSEARCHSTORE "GEOSEARCHSTORE" -8 "6.2.0" Write TWO => Special SPECIAL CARRY_SOURCES;
    }
    HyperLogLog {
        PFADD "PFADD" -2 "2.8.9" Write ONE fast;
        PFCOUNT "PFCOUNT" -2 "2.8.9" Read ALL_KEYS => Special SPECIAL CARRY_SOURCES;
        PFDEBUG "PFDEBUG" 3 "2.8.9" Write SECOND;
        PFMERGE "PFMERGE" -2 "2.8.9" Write ALL_KEYS => Special SPECIAL CARRY_SOURCES;
        PFSELFTEST "PFSELFTEST" 1 "2.8.9" Server NONE => AllNodes PER_NODE NEVER;
    }
    VectorSets {
        VADD "VADD" -1 "8.0.0" Write ONE;
        VCARD "VCARD" -1 "8.0.0" Read ONE fast;
        VDIM "VDIM" -1 "8.0.0" Read ONE fast;
        VEMB "VEMB" -1 "8.0.0" Read ONE fast;
        VGETATTR "VGETATTR" -1 "8.0.0" Read ONE fast;
        VINFO "VINFO" -1 "8.0.0" Read ONE fast;
        VISMEMBER "VISMEMBER" -1 "8.2.0" Read ONE;
        VLINKS "VLINKS" -1 "8.0.0" Read ONE fast;
        VRANDMEMBER "VRANDMEMBER" -1 "8.0.0" Read ONE;
        VREM "VREM" -1 "8.0.0" Write ONE;
        VSETATTR "VSETATTR" -1 "8.0.0" Write ONE fast;
        VSIM "VSIM" -1 "8.0.0" Read ONE;
    }
    Scripting {
        EVAL "EVAL" -3 "2.6.0" Write SCRIPT_KEYS => OneShard AS_IS REFUSE;
        EVALSHA "EVALSHA" -3 "2.6.0" Write SCRIPT_KEYS => OneShard AS_IS REFUSE;
        EVALSHA_RO "EVALSHA_RO" -3 "7.0.0" Read SCRIPT_KEYS => OneShard AS_IS REFUSE;
        EVAL_RO "EVAL_RO" -3 "7.0.0" Read SCRIPT_KEYS => OneShard AS_IS REFUSE;
        FCALL "FCALL" -3 "7.0.0" Write SCRIPT_KEYS => OneShard AS_IS REFUSE;
        FCALL_RO "FCALL_RO" -3 "7.0.0" Read SCRIPT_KEYS => OneShard AS_IS REFUSE;
        FUNCTION_DELETE "FUNCTION DELETE" 3 "7.0.0" Write NONE => AllShards ALL_SUCCEEDED NEVER;
        FUNCTION_DUMP "FUNCTION DUMP" 2 "7.0.0" Server NONE;
        FUNCTION_FLUSH "FUNCTION FLUSH" -2 "7.0.0" Write NONE => AllShards ALL_SUCCEEDED NEVER;
        FUNCTION_HELP "FUNCTION HELP" 2 "7.0.0" Server NONE;
        FUNCTION_KILL "FUNCTION KILL" 2 "7.0.0" Server NONE => AllNodes ONE_SUCCEEDED NEVER;
        FUNCTION_LIST "FUNCTION LIST" -2 "7.0.0" Server NONE;
        FUNCTION_LOAD "FUNCTION LOAD" -3 "7.0.0" Write NONE => AllShards ALL_SUCCEEDED NEVER;
        FUNCTION_RESTORE "FUNCTION RESTORE" -3 "7.0.0" Write NONE => AllShards ALL_SUCCEEDED NEVER;
        FUNCTION_STATS "FUNCTION STATS" 2 "7.0.0" Server NONE => AllNodes PER_NODE NEVER;
        SCRIPT_DEBUG "SCRIPT DEBUG" -3 "3.2.0" Connection NONE;
        SCRIPT_EXISTS "SCRIPT EXISTS" -3 "2.6.0" Server NONE => AllShards AGG_LOGICAL_AND NEVER;
        SCRIPT_FLUSH "SCRIPT FLUSH" -2 "2.6.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        SCRIPT_HELP "SCRIPT HELP" 2 "5.0.0" Server NONE;
        SCRIPT_KILL "SCRIPT KILL" 2 "2.6.0" Server NONE => AllNodes ONE_SUCCEEDED NEVER;
        SCRIPT_LOAD "SCRIPT LOAD" 3 "2.6.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        SCRIPT_SHOW "SCRIPT SHOW" 3 "valkey 8.0.0" Server NONE;
    }
    PubSub {
        PSUBSCRIBE "PSUBSCRIBE" -2 "2.0.0" Connection NONE;
        PUBLISH "PUBLISH" 3 "2.0.0" Server CHANNEL;
        PUBSUB_CHANNELS "PUBSUB CHANNELS" -2 "2.8.0" Server NONE => AllShards UNION NEVER;
        PUBSUB_HELP "PUBSUB HELP" 2 "6.2.0" Server NONE;
        PUBSUB_NUMPAT "PUBSUB NUMPAT" 2 "2.8.0" Server NONE => AllShards AGG_MAX NEVER;
        PUBSUB_NUMSUB "PUBSUB NUMSUB" -2 "2.8.0" Server NONE => AllShards SUM_BY_NAME NEVER;
        PUBSUB_SHARDCHANNELS "PUBSUB SHARDCHANNELS" -2 "7.0.0" Server NONE => AllShards UNION NEVER;
        PUBSUB_SHARDNUMSUB "PUBSUB SHARDNUMSUB" -2 "7.0.0" Server NONE => AllShards SUM_BY_NAME NEVER;
        PUNSUBSCRIBE "PUNSUBSCRIBE" -1 "2.0.0" Connection NONE;
        SPUBLISH "SPUBLISH" 3 "7.0.0" Server CHANNEL;
        SSUBSCRIBE "SSUBSCRIBE" -2 "7.0.0" Connection NONE;
        SUBSCRIBE "SUBSCRIBE" -2 "2.0.0" Connection NONE;
        SUNSUBSCRIBE "SUNSUBSCRIBE" -1 "7.0.0" Connection NONE;
        UNSUBSCRIBE "UNSUBSCRIBE" -1 "2.0.0" Connection NONE;
    }
    Transactions {
        DISCARD "DISCARD" 1 "2.0.0" Connection NONE;
        EXEC "EXEC" 1 "1.2.0" Connection NONE;
        MULTI "MULTI" 1 "1.2.0" Connection NONE;
        UNWATCH "UNWATCH" 1 "2.2.0" Connection NONE;
        WATCH "WATCH" -2 "2.2.0" Connection ALL_KEYS;
    }
    Server {
        ACL_CAT "ACL CAT" -2 "6.0.0" Server NONE;
        ACL_DELUSER "ACL DELUSER" -3 "6.0.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        ACL_DRYRUN "ACL DRYRUN" -4 "7.0.0" Server NONE;
        ACL_GENPASS "ACL GENPASS" -2 "6.0.0" Server NONE;
        ACL_GETUSER "ACL GETUSER" 3 "6.0.0" Server NONE => AllNodes PER_NODE NEVER;
        ACL_HELP "ACL HELP" 2 "6.0.0" Server NONE;
        ACL_LIST "ACL LIST" 2 "6.0.0" Server NONE => AllNodes PER_NODE NEVER;
        ACL_LOAD "ACL LOAD" 2 "6.0.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        ACL_LOG "ACL LOG" -2 "6.0.0" Server NONE => AllNodes PER_NODE NEVER;
        ACL_SAVE "ACL SAVE" 2 "6.0.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        ACL_SETUSER "ACL SETUSER" -3 "6.0.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        ACL_USERS "ACL USERS" 2 "6.0.0" Server NONE => AllNodes PER_NODE NEVER;
        ACL_WHOAMI "ACL WHOAMI" 2 "6.0.0" Server NONE;
        BGREWRITEAOF "BGREWRITEAOF" 1 "1.0.0" Server NONE => AllNodes PER_NODE NEVER;
        BGSAVE "BGSAVE" -1 "1.0.0" Server NONE => AllNodes PER_NODE NEVER;
        CLIENT_LIST "CLIENT LIST" -2 "2.4.0" Server NONE => AllNodes PER_NODE NEVER;
        COMMAND "COMMAND" -1 "2.8.13" Server NONE;
        COMMAND_COUNT "COMMAND COUNT" 2 "2.8.13" Server NONE;
        COMMAND_DOCS "COMMAND DOCS" -2 "7.0.0" Server NONE;
        COMMAND_GETKEYS "COMMAND GETKEYS" -3 "2.8.13" Server NONE;
        COMMAND_GETKEYSANDFLAGS "COMMAND GETKEYSANDFLAGS" -3 "7.0.0" Server NONE;
        COMMAND_HELP "COMMAND HELP" 2 "5.0.0" Server NONE;
        COMMAND_INFO "COMMAND INFO" -2 "2.8.13" Server NONE;
        COMMAND_LIST "COMMAND LIST" -2 "7.0.0" Server NONE;
        COMMANDLOG_GET "COMMANDLOG GET" 4 "valkey 8.1.0" Server NONE => AllNodes PER_NODE NEVER;
        COMMANDLOG_HELP "COMMANDLOG HELP" 2 "valkey 8.1.0" Server NONE;
        COMMANDLOG_LEN "COMMANDLOG LEN" 3 "valkey 8.1.0" Server NONE => AllNodes AGG_SUM NEVER;
        COMMANDLOG_RESET "COMMANDLOG RESET" 3 "valkey 8.1.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        CONFIG_GET "CONFIG GET" -3 "2.0.0" Server NONE => AllNodes PER_NODE NEVER;
        CONFIG_HELP "CONFIG HELP" 2 "5.0.0" Server NONE;
        CONFIG_RESETSTAT "CONFIG RESETSTAT" 2 "2.0.0" Server NONE => AllNodes PER_NODE NEVER;
        CONFIG_REWRITE "CONFIG REWRITE" 2 "2.8.0" Server NONE => AllNodes PER_NODE NEVER;
        CONFIG_SET "CONFIG SET" -4 "2.0.0" Server NONE => AllNodes PER_NODE NEVER;
        DBSIZE "DBSIZE" 1 "1.0.0" Read NONE => AllShards AGG_SUM NEVER;
        DEBUG "DEBUG" -2 "1.0.0" Server NONE => OneServer AS_IS NEVER;
        DEBUG_OBJECT "DEBUG OBJECT" 3 "1.0.0" Server SECOND;
        FAILOVER "FAILOVER" -1 "6.2.0" Server NONE => OneServer AS_IS NEVER;
        FLUSHALL "FLUSHALL" -1 "1.0.0" Write NONE => AllShards ALL_SUCCEEDED NEVER;
        FLUSHDB "FLUSHDB" -1 "1.0.0" Write NONE => AllShards ALL_SUCCEEDED NEVER;
        INFO "INFO" -1 "1.0.0" Server NONE => AllNodes PER_NODE NEVER;
        LASTSAVE "LASTSAVE" 1 "1.0.0" Server NONE => AllNodes PER_NODE NEVER;
        LATENCY_DOCTOR "LATENCY DOCTOR" 2 "2.8.13" Server NONE => AllNodes PER_NODE NEVER;
        LATENCY_GRAPH "LATENCY GRAPH" 3 "2.8.13" Server NONE => AllNodes PER_NODE NEVER;
        LATENCY_HELP "LATENCY HELP" 2 "2.8.13" Server NONE;
        LATENCY_HISTOGRAM "LATENCY HISTOGRAM" -2 "7.0.0" Server NONE => AllNodes PER_NODE NEVER;
        LATENCY_HISTORY "LATENCY HISTORY" 3 "2.8.13" Server NONE => AllNodes PER_NODE NEVER;
        LATENCY_LATEST "LATENCY LATEST" 2 "2.8.13" Server NONE => AllNodes PER_NODE NEVER;
        LATENCY_RESET "LATENCY RESET" -2 "2.8.13" Server NONE => AllNodes AGG_SUM NEVER;
        LOLWUT "LOLWUT" -1 "5.0.0" Read NONE;
        MEMORY_DOCTOR "MEMORY DOCTOR" 2 "4.0.0" Server NONE => AllNodes PER_NODE NEVER;
        MEMORY_HELP "MEMORY HELP" 2 "4.0.0" Server NONE;
        MEMORY_MALLOC_STATS "MEMORY MALLOC-STATS" 2 "4.0.0" Server NONE => AllNodes PER_NODE NEVER;
        MEMORY_PURGE "MEMORY PURGE" 2 "4.0.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        MEMORY_STATS "MEMORY STATS" 2 "4.0.0" Server NONE => AllNodes PER_NODE NEVER;
        MEMORY_USAGE "MEMORY USAGE" -3 "4.0.0" Read SECOND;
        MODULE_HELP "MODULE HELP" 2 "5.0.0" Server NONE;
        MODULE_LIST "MODULE LIST" 2 "4.0.0" Server NONE => AllNodes PER_NODE NEVER;
        MODULE_LOAD "MODULE LOAD" -3 "4.0.0" Server NONE => OneServer AS_IS NEVER;
        MODULE_LOADEX "MODULE LOADEX" -3 "7.0.0" Server NONE => OneServer AS_IS NEVER;
        MODULE_UNLOAD "MODULE UNLOAD" 3 "4.0.0" Server NONE => OneServer AS_IS NEVER;
        REPLICAOF "REPLICAOF" 3 "5.0.0" Server NONE => OneServer AS_IS NEVER;
        ROLE "ROLE" 1 "2.8.12" Server NONE => AllNodes PER_NODE NEVER;
        SAVE "SAVE" 1 "1.0.0" Server NONE => AllNodes PER_NODE NEVER;
        SHUTDOWN "SHUTDOWN" -1 "1.0.0" Server NONE => OneServer AS_IS NEVER;
        SLAVEOF "SLAVEOF" 3 "1.0.0" Server NONE => OneServer AS_IS NEVER;
        SLOWLOG_GET "SLOWLOG GET" -2 "2.2.12" Server NONE => AllNodes PER_NODE NEVER;
        SLOWLOG_HELP "SLOWLOG HELP" 2 "6.2.0" Server NONE;
        SLOWLOG_LEN "SLOWLOG LEN" 2 "2.2.12" Server NONE => AllNodes AGG_SUM NEVER;
        SLOWLOG_RESET "SLOWLOG RESET" 2 "2.2.12" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        SWAPDB "SWAPDB" 3 "4.0.0" Write NONE => AllShards ALL_SUCCEEDED NEVER;
        TIME "TIME" 1 "2.6.0" Server NONE => AllNodes PER_NODE NEVER;
    }
    Cluster {
        ASKING "ASKING" 1 "3.0.0" Connection NONE;
        CLUSTER_ADDSLOTS "CLUSTER ADDSLOTS" -3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_ADDSLOTSRANGE "CLUSTER ADDSLOTSRANGE" -4 "7.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_BUMPEPOCH "CLUSTER BUMPEPOCH" 2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_CANCELSLOTMIGRATIONS "CLUSTER CANCELSLOTMIGRATIONS" 2 "valkey 9.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_COUNT_FAILURE_REPORTS "CLUSTER COUNT-FAILURE-REPORTS" 3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_COUNTKEYSINSLOT "CLUSTER COUNTKEYSINSLOT" 3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_DELSLOTS "CLUSTER DELSLOTS" -3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_DELSLOTSRANGE "CLUSTER DELSLOTSRANGE" -4 "7.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_FAILOVER "CLUSTER FAILOVER" -2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_FLUSHSLOT "CLUSTER FLUSHSLOT" -3 "valkey 9.0.0" Write NONE => OneServer AS_IS NEVER;
        CLUSTER_FLUSHSLOTS "CLUSTER FLUSHSLOTS" 2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_FORGET "CLUSTER FORGET" 3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_GETKEYSINSLOT "CLUSTER GETKEYSINSLOT" 4 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_GETSLOTMIGRATIONS "CLUSTER GETSLOTMIGRATIONS" 2 "valkey 9.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_HELP "CLUSTER HELP" 2 "5.0.0" Server NONE;
        CLUSTER_INFO "CLUSTER INFO" 2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_KEYSLOT "CLUSTER KEYSLOT" 3 "3.0.0" Server NONE;
        CLUSTER_LINKS "CLUSTER LINKS" 2 "7.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_MEET "CLUSTER MEET" -4 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_MIGRATESLOTS "CLUSTER MIGRATESLOTS" -4 "valkey 9.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_MYID "CLUSTER MYID" 2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_MYSHARDID "CLUSTER MYSHARDID" 2 "7.2.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_NODES "CLUSTER NODES" 2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_REPLICAS "CLUSTER REPLICAS" 3 "5.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_REPLICATE "CLUSTER REPLICATE" -3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_RESET "CLUSTER RESET" -2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SAVECONFIG "CLUSTER SAVECONFIG" 2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SET_CONFIG_EPOCH "CLUSTER SET-CONFIG-EPOCH" 3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SETSLOT "CLUSTER SETSLOT" -4 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SHARDS "CLUSTER SHARDS" 2 "7.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SLAVES "CLUSTER SLAVES" 3 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SLOT_STATS "CLUSTER SLOT-STATS" -4 "8.2.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SLOTS "CLUSTER SLOTS" 2 "3.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTER_SYNCSLOTS "CLUSTER SYNCSLOTS" -3 "valkey 9.0.0" Server NONE => OneServer AS_IS NEVER;
        CLUSTERSCAN "CLUSTERSCAN" -2 "valkey 9.1.0" Read NONE => OneServer AS_IS NEVER;
        READONLY "READONLY" 1 "3.0.0" Connection NONE;
        READWRITE "READWRITE" 1 "3.0.0" Connection NONE;
    }
    Connection {
        AUTH "AUTH" -2 "1.0.0" Connection NONE;
        CLIENT_CACHING "CLIENT CACHING" 3 "6.0.0" Connection NONE;
        CLIENT_CAPA "CLIENT CAPA" -3 "valkey 8.0.0" Connection NONE;
        CLIENT_GETNAME "CLIENT GETNAME" 2 "2.6.9" Connection NONE;
        CLIENT_GETREDIR "CLIENT GETREDIR" 2 "6.0.0" Connection NONE;
        CLIENT_HELP "CLIENT HELP" 2 "5.0.0" Server NONE;
        CLIENT_ID "CLIENT ID" 2 "5.0.0" Connection NONE;
        CLIENT_IMPORT_SOURCE "CLIENT IMPORT-SOURCE" 3 "valkey 8.1.0" Connection NONE;
        CLIENT_INFO "CLIENT INFO" 2 "6.2.0" Connection NONE;
        CLIENT_KILL "CLIENT KILL" -3 "2.4.0" Server NONE => AllNodes PER_NODE NEVER;
        CLIENT_NO_EVICT "CLIENT NO-EVICT" 3 "7.0.0" Connection NONE;
        CLIENT_NO_TOUCH "CLIENT NO-TOUCH" 3 "7.2.0" Connection NONE;
        CLIENT_PAUSE "CLIENT PAUSE" -3 "3.0.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        CLIENT_REPLY "CLIENT REPLY" 3 "3.2.0" Connection NONE;
        CLIENT_SETINFO "CLIENT SETINFO" 4 "7.2.0" Connection NONE;
        CLIENT_SETNAME "CLIENT SETNAME" 3 "2.6.9" Connection NONE;
        CLIENT_TRACKING "CLIENT TRACKING" -3 "6.0.0" Connection NONE;
        CLIENT_TRACKINGINFO "CLIENT TRACKINGINFO" 2 "6.2.0" Connection NONE;
        CLIENT_UNBLOCK "CLIENT UNBLOCK" -3 "5.0.0" Server NONE => OneServer AS_IS NEVER;
        CLIENT_UNPAUSE "CLIENT UNPAUSE" 2 "6.2.0" Server NONE => AllNodes ALL_SUCCEEDED NEVER;
        ECHO "ECHO" 2 "1.0.0" Server NONE;
        HELLO "HELLO" -1 "6.0.0" Connection NONE;
        MONITOR "MONITOR" 1 "1.0.0" Connection NONE;
        PING "PING" -1 "1.0.0" Server NONE => AllNodes PER_NODE NEVER;
        PSYNC "PSYNC" -3 "2.8.0" Connection NONE;
        QUIT "QUIT" -1 "1.0.0" Connection NONE;
        REPLCONF "REPLCONF" -1 "3.0.0" Connection NONE;
        RESET "RESET" 1 "6.2.0" Connection NONE;
        SELECT "SELECT" 2 "1.0.0" Connection NONE;
        SYNC "SYNC" 1 "1.0.0" Connection NONE;
        WAIT "WAIT" 3 "3.0.0" Connection NONE;
        WAITAOF "WAITAOF" 4 "7.2.0" Connection NONE;
    }
}
