//! How rows are written, and what is made of them.

macro_rules! first_of {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

/// The strategy of a row. Only rows that wait, and those whose commands are split, have one of their own.
macro_rules! strategy_of {
    ($response:ident SPLIT) => {{
        const MERGES: &Strategy = &strategy::SPLIT.that_merges(ResponsePolicy::$response);
        MERGES
    }};
    ($response:ident $across:ident) => {
        &strategy::$across
    };
    ($response:ident $across:ident $wait:ident) => {{
        const WAITS: &Strategy = &strategy::$across.that_waits(WaitArgument::$wait);
        WAITS
    }};
}

macro_rules! is {
    (fast) => {
        true
    };
}

macro_rules! row {
    ($group:ident $name:literal $arity:literal $since:literal $access:ident $keys:ident $($fast:ident)?) => {
        row!($group $name $arity $since $access $keys $($fast)? => OneShard AS_IS NEVER)
    };
    ($group:ident $name:literal $arity:literal $since:literal $access:ident $keys:ident $($fast:ident)?
        => $request:ident $response:ident $across:ident $(, $wait:ident)?) => {
        Row::of(
            Spec {
                group: Group::$group,
                since: $since,
                request: RequestPolicy::$request,
                response: ResponsePolicy::$response,
                wait: first_of!($(WaitArgument::$wait,)? WaitArgument::None),
                fast: first_of!($(is!($fast),)? false),
                ..Spec::new($name, $arity, $access, $keys)
            },
            strategy_of!($response $across $($wait)?),
        )
    };
}

macro_rules! rows {
    ($($group:ident { $($id:ident $name:literal $arity:literal $since:literal $access:ident $keys:ident $($fast:ident)?
        $(=> $request:ident $response:ident $across:ident $(, $wait:ident)?)? ;)* })*) => {
        $($(
            #[doc = concat!("`", $name, "`, since ", $since, ".")]
            pub const $id: Row =
                row!($group $name $arity $since $access $keys $($fast)? $(=> $request $response $across $(, $wait)?)?);
        )*)*

        /// Every row, one behind the other: to point to each would cost a program four words a row.
        const ROWS: &[Row] = &[$($($id,)*)*];
    };
}
