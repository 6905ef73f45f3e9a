//! The forms of the commands: `Filled::fill` says how one is read.

/// The commands of one data type.
pub struct Forms {
    /// Those that make a key what it is.
    pub fill: &'static [&'static str],
    /// Those that name several keys.
    pub across: &'static [&'static str],
    /// Those that name one.
    pub ordinary: &'static [&'static str],
}

// What `SORT` looks up: keys that are named nowhere else. Without `STORE`, the members of a set that are not sorted
// have an order that each server chooses, and so have those whose weights are the same text.

/// Of every type.
pub const GENERIC: Forms = Forms {
    fill: &["EXPIRE KEY SECONDS", "PEXPIRE KEY MILLISECONDS"],
    across: &[
        "DEL KEYS",
        "UNLINK KEYS",
        "EXISTS KEYS",
        "TOUCH KEYS",
        "RENAME KEY KEY",
        "RENAME KEY KEY",
        "RENAMENX KEY KEY",
        "RENAMENX KEY KEY",
        "COPY KEY KEY [ REPLACE ]",
        "COPY KEY KEY REPLACE",
        "COPY KEY KEY DB 0|1|1|99|x [ REPLACE ]",
        "DBSIZE",
        "KEYS *",
        "KEYS ?",
        "RANDOMKEY",
    ],
    ordinary: &[
        "TYPE KEY",
        "TTL KEY",
        "PTTL KEY",
        "EXPIRETIME KEY",
        "PEXPIRETIME KEY",
        "EXPIRE KEY SECONDS [ NX|XX|GT|LT ]",
        "EXPIRE KEY -1",
        "PERSIST KEY",
    ],
};

const STRINGS: Forms = Forms {
    fill: &["SET KEY VALUE", "APPEND KEY VALUE", "SETRANGE KEY OFFSET VALUE"],
    across: &[
        "MGET KEYS",
        "MSET PAIRS",
        "MSET PAIRS",
        "MSETNX PAIRS",
        "LCS KEY KEY [ LEN ]",
        "LCS KEY KEY LEN IDX",
        "LCS KEY KEY IDX [ MINMATCHLEN NUMBER ] [ WITHMATCHLEN ]",
        "BITOP AND|OR|XOR|DIFF|DIFF1|ANDOR|ONE KEY KEYS",
        "BITOP AND|OR|XOR KEY KEYS",
        "BITOP NOT KEY KEY",
        "BITOP NOT KEY KEYS",
    ],
    ordinary: &[
        "SET KEY VALUE [ NX|XX ] [ GET ] [ EX SECONDS ] [ KEEPTTL ]",
        "SETEX KEY SECONDS VALUE",
        "PSETEX KEY MILLISECONDS VALUE",
        "SETNX KEY VALUE",
        "GET KEY",
        "GETDEL KEY",
        "GETEX KEY [ EX SECONDS ] [ PERSIST ]",
        "GETSET KEY VALUE",
        "INCR|DECR KEY",
        "INCRBY|DECRBY KEY NUMBER",
        "INCRBYFLOAT KEY SCORE",
        "STRLEN KEY",
        "GETRANGE|SUBSTR KEY NUMBER NUMBER",
        "SETBIT KEY OFFSET 0|1|1|2",
        "GETBIT KEY OFFSET",
        "BITCOUNT KEY [ NUMBER NUMBER ]",
        "BITPOS KEY 0|1 [ NUMBER ]",
        "BITFIELD KEY [ SET u8|i16 OFFSET NUMBER ] [ OVERFLOW SAT|FAIL ] [ INCRBY i5 #1 NUMBER ] [ GET u63 OFFSET ]",
    ],
};

const HASHES: Forms = Forms {
    fill: &["HSET KEY FIELDVALUES"],
    across: &["COPY KEY KEY REPLACE", "RENAME KEY KEY", "RENAMENX KEY KEY", "DEL KEYS", "EXISTS KEYS"],
    ordinary: &[
        "HSETNX KEY MEMBER VALUE",
        "HMSET KEY FIELDVALUES",
        "HGET KEY MEMBER",
        "HMGET KEY MEMBERS",
        "HGETALL|HKEYS|HVALS|HLEN KEY",
        "HDEL KEY MEMBERS",
        "HEXISTS|HSTRLEN KEY MEMBER",
        "HINCRBY KEY MEMBER NUMBER",
        "HINCRBYFLOAT KEY MEMBER SCORE",
        "HRANDFIELD KEY [ NUMBER ]",
        "HEXPIRE KEY SECONDS FIELDS #MEMBERS",
        "HTTL KEY FIELDS #MEMBERS",
        "HPERSIST KEY FIELDS #MEMBERS",
        "HGETDEL KEY FIELDS #MEMBERS",
    ],
};

const LISTS: Forms = Forms {
    fill: &["LPUSH|RPUSH KEY VALUES"],
    across: &[
        // No count of 0, of which Redis 6.2 dies, and none near the end of all numbers: it reads beyond its elements then.
        "SORT KEY [ LIMIT -1|0|1|2 -1|1|3|100 ] [ ASC|DESC ] [ ALPHA ] STORE KEY",
        "SORT KEY ALPHA [ DESC ] STORE KEY",
        "SORT KEY BY nosort STORE KEY",
        "SORT KEY GET # STORE KEY",
        "SORT KEY STORE KEY ALPHA STORE KEY",
        "SORT KEY BY w* [ LIMIT -1|0|1|2 -1|1|3|100 ] [ DESC ] [ GET # ] [ GET v*->f ] STORE KEY",
        "SORT KEY BY v*->f [ DESC ] [ GET w* ] [ GET * ] STORE KEY",
        "SORT KEY ALPHA GET # GET w* [ DESC ] [ LIMIT -1|0|1|2 -1|1|3|100 ]",
        "SORT_RO KEY GET w* GET v*->f",
        "MSET w1 SCORE w2 SCORE w-7 SCORE wx SCORE w SCORE",
        "HSET v1|v2|v3|v f SCORE",
        "RPOPLPUSH KEY KEY",
        "LMOVE KEY KEY LEFT|RIGHT LEFT|RIGHT",
        "LMOVE KEY KEY left|UP left|right",
        "BRPOPLPUSH KEY KEY WAIT",
        "BLMOVE KEY KEY LEFT|RIGHT LEFT|RIGHT WAIT",
        "BLPOP KEYS WAIT",
        "BRPOP KEYS WAIT",
        "BLMPOP WAIT #KEYS LEFT|RIGHT [ COUNT NUMBER ]",
        "LMPOP #KEYS LEFT|RIGHT [ COUNT NUMBER ]",
        "LMPOP #KEYS LEFT|RIGHT [ COUNT NUMBER ]",
    ],
    ordinary: &[
        "LPUSHX|RPUSHX KEY VALUES",
        "LPOP|RPOP KEY [ NUMBER ]",
        "LLEN KEY",
        "LRANGE KEY NUMBER NUMBER",
        "LINDEX KEY NUMBER",
        "LSET KEY NUMBER VALUE",
        "LINSERT KEY BEFORE|AFTER MEMBER VALUE",
        "LREM KEY NUMBER MEMBER",
        "LTRIM KEY NUMBER NUMBER",
        "LPOS KEY MEMBER [ RANK NUMBER ] [ COUNT NUMBER ]",
        "SORT KEY [ LIMIT -1|0|1|2 -1|1|3|100 ] [ DESC ] [ ALPHA ]",
        "SORT_RO KEY ALPHA",
    ],
};

const SETS: Forms = Forms {
    fill: &["SADD KEY MEMBERS"],
    across: &[
        "SUNION KEYS",
        "SINTER KEYS",
        "SDIFF KEYS",
        "SUNIONSTORE KEY KEYS",
        "SINTERSTORE KEY KEYS",
        "SDIFFSTORE KEY KEYS",
        "SINTERCARD #KEYS [ LIMIT NUMBER ]",
        "SMOVE KEY KEY MEMBER",
        "SMOVE KEY KEY MEMBER",
        "SORT KEY [ LIMIT -1|0|1|2 -1|1|3|100 ] [ ASC|DESC ] [ ALPHA ] STORE KEY",
        "SORT KEY ALPHA [ DESC ] STORE KEY",
        "SORT KEY BY nosort STORE KEY",
        "SORT KEY GET # STORE KEY",
        "SORT KEY STORE KEY ALPHA STORE KEY",
        "SORT KEY BY w* [ DESC ] [ LIMIT -1|0|1|2 -1|1|3|100 ] [ GET w* ] STORE KEY",
        "SORT KEY BY nosort GET # GET v*->f [ DESC ] STORE KEY",
        "MSET w1 SCORE w2 SCORE w3 SCORE w1.5 SCORE wPalermo SCORE",
        "HSET v1|vx|v f SCORE",
    ],
    ordinary: &[
        "SREM KEY MEMBERS",
        "SISMEMBER KEY MEMBER",
        "SMISMEMBER KEY MEMBERS",
        "SMEMBERS|SCARD KEY",
        "SPOP KEY 100000",
        "SRANDMEMBER KEY [ NUMBER ]",
        "SORT KEY [ LIMIT -1|0|1|2 -1|1|3|100 ] [ DESC ] [ ALPHA ]",
        "SORT_RO KEY ALPHA",
    ],
};

const SORTED_SETS: Forms = Forms {
    fill: &["ZADD KEY SCORED", "ZADD KEY SCORED", "ZADD KEY SCORED", "SADD KEY MEMBERS"],
    across: &[
        "BZPOPMIN KEYS WAIT",
        "BZPOPMAX KEYS WAIT",
        "BZMPOP WAIT #KEYS MIN|MAX [ COUNT NUMBER ]",
        "ZMPOP #KEYS MIN|MAX [ COUNT NUMBER ]",
        "ZMPOP #KEYS MIN|MAX [ COUNT NUMBER ]",
        "ZUNION #KEYS [ WEIGHTS ] [ AGGREGATE SUM|MIN|MAX ] [ WITHSCORES ]",
        "ZINTER #KEYS [ WEIGHTS ] [ AGGREGATE SUM|MIN|MAX ] [ WITHSCORES ]",
        "ZDIFF #KEYS [ WITHSCORES ]",
        "ZINTERCARD #KEYS [ LIMIT NUMBER ]",
        "ZUNIONSTORE KEY #KEYS [ WEIGHTS ] [ AGGREGATE SUM|MIN|MAX ]",
        "ZUNIONSTORE KEY #KEYS [ WEIGHTS ] [ AGGREGATE SUM|MIN|MAX ]",
        "ZINTERSTORE KEY #KEYS [ WEIGHTS ] [ AGGREGATE SUM|MIN|MAX ]",
        "ZDIFFSTORE KEY #KEYS",
        "ZRANGESTORE KEY KEY NUMBER NUMBER [ REV ]",
        // No offset below 0: what that means depends on how the server stores the sorted set, and `SORT` changes that.
        "ZRANGESTORE KEY KEY BOUND BOUND BYSCORE [ REV ] [ LIMIT 0|1|3 NUMBER ]",
        "ZRANGESTORE KEY KEY LEXICAL LEXICAL BYLEX [ REV ] [ LIMIT 0|1|3 NUMBER ]",
        "SORT KEY ALPHA [ DESC ] STORE KEY",
        "SORT KEY BY w* [ DESC ] [ GET w* ] [ GET # ] STORE KEY",
        "SORT KEY BY nosort [ DESC ] [ LIMIT -1|0|1|2 -1|1|3|100 ] GET # GET w* STORE KEY",
        "MSET w1 SCORE w2 SCORE w SCORE",
    ],
    ordinary: &[
        "ZADD KEY [ NX|XX ] [ GT|LT ] [ CH ] [ INCR ] SCORED",
        "ZINCRBY KEY SCORE MEMBER",
        "ZCARD KEY",
        "ZSCORE|ZRANK|ZREVRANK KEY MEMBER",
        "ZMSCORE KEY MEMBERS",
        "ZREM KEY MEMBERS",
        "ZCOUNT KEY BOUND BOUND",
        "ZLEXCOUNT KEY LEXICAL LEXICAL",
        "ZRANGE KEY NUMBER NUMBER [ REV ] [ WITHSCORES ]",
        "ZREVRANGE KEY NUMBER NUMBER [ WITHSCORES ]",
        "ZRANGEBYSCORE|ZREVRANGEBYSCORE KEY BOUND BOUND [ WITHSCORES ] [ LIMIT 0|1|3 NUMBER ]",
        "ZRANGEBYLEX KEY LEXICAL LEXICAL",
        "ZREMRANGEBYRANK KEY NUMBER NUMBER",
        "ZREMRANGEBYSCORE KEY BOUND BOUND",
        "ZREMRANGEBYLEX KEY LEXICAL LEXICAL",
        "ZPOPMIN|ZPOPMAX KEY [ NUMBER ]",
        "ZRANDMEMBER KEY [ NUMBER ]",
    ],
};

const ESTIMATES: Forms = Forms {
    fill: &["PFADD KEY MEMBERS"],
    across: &["PFCOUNT KEYS", "PFMERGE KEY KEYS", "BITOP OR KEY KEYS", "COPY KEY KEY"],
    ordinary: &[
        "PFCOUNT KEY",
        "GET KEY",
        "SET KEY VALUE",
        "APPEND KEY VALUE",
        "SETRANGE KEY OFFSET VALUE",
        "PFMERGE KEY",
    ],
};

const PLACES: Forms = Forms {
    fill: &["GEOADD KEY PLACES"],
    across: &[
        "GEOSEARCHSTORE KEY KEY FROMLONLAT POINT BYRADIUS 200 km [ ASC|DESC ] [ COUNT NUMBER ] [ STOREDIST ]",
        "GEOSEARCHSTORE KEY KEY FROMMEMBER MEMBER BYBOX 400 400 km [ STOREDIST ]",
        "GEORADIUS KEY POINT 200 km [ COUNT NUMBER ] STORE|STOREDIST KEY",
        "GEORADIUS KEY POINT 200 km [ STORE KEY ] [ STOREDIST KEY ]",
        "GEORADIUS KEY POINT 200 km WITHDIST STORE KEY",
        "GEORADIUSBYMEMBER KEY MEMBER 200 km [ DESC ] STORE|STOREDIST KEY",
        "ZUNIONSTORE KEY #KEYS [ WEIGHTS ] [ AGGREGATE SUM|MIN|MAX ]",
    ],
    ordinary: &[
        "GEODIST KEY MEMBER MEMBER [ km ]",
        "GEOPOS|GEOHASH KEY MEMBERS",
        "GEOSEARCH KEY FROMLONLAT POINT BYRADIUS 200 km ASC|DESC [ COUNT NUMBER ] [ WITHCOORD ] [ WITHDIST ]",
        "GEORADIUS|GEORADIUS_RO KEY POINT 200 km [ WITHHASH ] [ ASC ]",
    ],
};

const STREAMS: Forms = Forms {
    fill: &[
        "XADD KEY NUMBER VALUE VALUE",
        "XADD KEY NUMBER VALUE VALUE",
        "XGROUP CREATE KEY g 0|1|2-0|$ MKSTREAM",
        "XGROUP CREATE KEY g|h 0 MKSTREAM",
    ],
    across: &[
        "COPY KEY KEY REPLACE",
        "RENAME KEY KEY",
        "XREAD STREAMS BEHIND",
        "XREAD [ COUNT NUMBER ] [ BLOCK ] STREAMS BEHIND",
        "XREADGROUP GROUP g|h anna|bert STREAMS NEWS",
        "XREADGROUP GROUP g anna|bert [ COUNT NUMBER ] [ BLOCK ] [ NOACK ] STREAMS NEWS",
        "XREADGROUP [ COUNT 1 ] GROUP g anna [ BLOCK ] STREAMS BEHIND",
    ],
    ordinary: &[
        "XADD KEY NUMBER VALUE VALUE",
        "XLEN KEY",
        "XRANGE KEY - +",
        "XDEL KEY NUMBER",
        "XACK KEY g NUMBER",
        "XPENDING KEY g",
        "XGROUP CREATE KEY g|h 0|1|$ [ MKSTREAM ]",
        "XGROUP SETID KEY g 0|1",
        "XGROUP DESTROY KEY h",
    ],
};

/// Of one type each.
pub const TYPES: [&Forms; 8] = [&STRINGS, &HASHES, &LISTS, &SETS, &SORTED_SETS, &ESTIMATES, &PLACES, &STREAMS];
