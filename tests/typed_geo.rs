//! The typed methods for places, on real servers.

use rediscluster::prelude::*;
use rediscluster::{
    Build, Cmd, ErrorKind, GeoAddOptions, GeoCenter, GeoFound, GeoPoint, GeoRadiusOptions, GeoSearch, GeoUnit,
};
use rediscluster_testing::{fails_with, home_of, in_both_protocols, skipped, Reply};
use std::collections::{BTreeMap, HashMap};

const KM: GeoUnit = GeoUnit::Kilometers;
const BERLIN: GeoPoint = GeoPoint::new(13.4050, 52.5200);
const POTSDAM: GeoPoint = GeoPoint::new(13.0645, 52.3906);
const MUNICH: GeoPoint = GeoPoint::new(11.5820, 48.1351);
const SYDNEY: GeoPoint = GeoPoint::new(151.2093, -33.8688);

/// Adds the four cities.
fn cities(cluster: &Cluster, key: &str) {
    let places = [(BERLIN, "Berlin"), (POTSDAM, "Potsdam"), (MUNICH, "Munich"), (SYDNEY, "Sydney")];
    assert_eq!(cluster.geoadd(key, places).unwrap(), 4);
}

#[track_caller]
fn near(found: GeoPoint, wanted: GeoPoint) {
    let off = (found.longitude - wanted.longitude).abs().max((found.latitude - wanted.latitude).abs());
    assert!(off < 0.00001, "{found:?} is not {wanted:?}");
}

fn sorted(mut members: Vec<String>) -> Vec<String> {
    members.sort();
    members
}

#[test]
fn adding_places() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.geoadd("g", (13.4050, 52.5200, "Berlin")).unwrap(), 1);
        assert_eq!(cluster.geoadd("g", vec![(1.0, 2.0, "a"), (-1.0, -2.0, "b"), (1.0, 2.0, "Berlin")]).unwrap(), 2);
        assert_eq!(cluster.geoadd("g", (MUNICH, "Munich")).unwrap(), 1);
        assert_eq!(cluster.geoadd("g", HashMap::from([("Sydney", SYDNEY)])).unwrap(), 1);
        assert_eq!(cluster.geoadd("g", BTreeMap::from([(7_u16, BERLIN), (8, POTSDAM)])).unwrap(), 2);
        let home = home_of(cluster, servers, "g");
        assert_eq!(home.ask(&["ZCARD", "g"]).int(), 7);
        near(cluster.geopos("g", "Sydney").unwrap()[0].unwrap(), SYDNEY);
        near(cluster.geopos("g", "Berlin").unwrap()[0].unwrap(), GeoPoint::new(1.0, 2.0));

        fails_with(ErrorKind::Server, cluster.geoadd("g", (181.0, 0.0, "x")));
        fails_with(ErrorKind::Server, cluster.geoadd("g", (0.0, 86.0, "x")));
        fails_with(ErrorKind::Server, cluster.geoadd("g", (f64::NAN, 0.0, "x")));
        assert_eq!(cluster.zcard("g").unwrap(), 7);

        let new = GeoAddOptions::new;
        let to = |point: GeoPoint| [(point, "Berlin"), (point, "new")];
        assert_eq!(cluster.geoadd_with("g", to(BERLIN), new().if_exists().changed()).unwrap(), 1);
        near(cluster.geopos("g", "Berlin").unwrap()[0].unwrap(), BERLIN);
        assert_eq!(cluster.geoadd_with("g", to(SYDNEY), new().if_missing()).unwrap(), 1);
        near(cluster.geopos("g", "Berlin").unwrap()[0].unwrap(), BERLIN);
        assert_eq!(cluster.geoadd_with("g", to(SYDNEY), new().changed()).unwrap(), 1);
        assert_eq!(cluster.geoadd_with("g", to(BERLIN), new()).unwrap(), 0);
    });
}

#[test]
fn looking_at_places() {
    in_both_protocols(|cluster, servers| {
        cities(cluster, "g");
        let km = cluster.geodist("g", "Berlin", "Munich", KM).unwrap().unwrap();
        let server = home_of(cluster, servers, "g").ask(&["GEODIST", "g", "Berlin", "Munich", "km"]);
        assert_eq!(server, Reply::bulk(format!("{km}")));
        let times = |unit| cluster.geodist("g", "Berlin", "Munich", unit).unwrap().unwrap() / km;
        assert!((times(GeoUnit::Meters) - 1000.0).abs() < 0.01);
        assert!((times(GeoUnit::Miles) - 0.62137).abs() < 0.0001);
        assert!((times(GeoUnit::Feet) - 3280.84).abs() < 0.1);
        assert_eq!(cluster.geodist("g", "Berlin", "Atlantis", KM).unwrap(), None);

        let points = cluster.geopos("g", ["Munich", "Atlantis", "Berlin"]).unwrap();
        near(points[0].unwrap(), MUNICH);
        assert_eq!(points[1], None);
        near(points[2].unwrap(), BERLIN);

        let hashes = cluster.geohash("g", ["Munich", "Atlantis"]).unwrap();
        assert_eq!(hashes.len(), 2);
        assert!(hashes[0].as_ref().is_some_and(|hash| hash.len() == 11 && hash.starts_with("u281")), "{hashes:?}");
        assert_eq!(hashes[1], None);
    });
}

#[test]
fn searching() {
    in_both_protocols(|cluster, _| {
        cities(cluster, "g");
        let circle = |km| GeoSearch::circle(BERLIN, km, KM);
        let found = |search| cluster.geosearch::<_, String>("g", search).unwrap();
        assert_eq!(sorted(found(circle(100.0))), ["Berlin", "Potsdam"]);
        assert_eq!(found(circle(1000.0).nearest_first()), ["Berlin", "Potsdam", "Munich"]);
        assert_eq!(found(circle(1000.0).farthest_first()), ["Munich", "Potsdam", "Berlin"]);
        assert_eq!(found(circle(1000.0).count(2)), ["Berlin", "Potsdam"]);
        assert_eq!(found(circle(1000.0).count(1).farthest_first()), ["Munich"]);
        assert_eq!(found(circle(1000.0).count_any(2)).len(), 2);
        assert_eq!(found(circle(1000.0).count_any(1).count(2)), ["Berlin", "Potsdam"]);
        let around = GeoSearch::circle(GeoCenter::member("Potsdam"), 100_000.0, GeoUnit::Meters).nearest_first();
        assert_eq!(found(around), ["Potsdam", "Berlin"]);
        // 504 km from north to south, 126 km from west to east.
        assert_eq!(found(GeoSearch::rectangle(BERLIN, 300.0, 1100.0, KM).nearest_first()).len(), 3);
        assert_eq!(found(GeoSearch::rectangle(BERLIN, 300.0, 900.0, KM).nearest_first()), ["Berlin", "Potsdam"]);
        assert_eq!(found(GeoSearch::rectangle(GeoCenter::member("Sydney"), 1.0, 1.0, GeoUnit::Feet)), ["Sydney"]);
        assert!(found(GeoSearch::circle(GeoPoint::new(0.0, 0.0), 1.0, GeoUnit::Miles)).is_empty());

        let all: Vec<GeoFound<String>> = cluster.geosearch_found("g", circle(1000.0).nearest_first()).unwrap();
        assert_eq!(all.iter().map(|place| place.member.as_str()).collect::<Vec<_>>(), ["Berlin", "Potsdam", "Munich"]);
        assert!((all[2].distance - 504.5).abs() < 1.0, "{}", all[2].distance);
        near(all[1].point, POTSDAM);
        assert_eq!(Some(all[0].hash as f64), cluster.zscore("g", "Berlin").unwrap());
        let distances: Vec<(String, f64)> =
            cluster.geosearch_with_distances("g", circle(100.0).farthest_first()).unwrap();
        assert_eq!(distances, [("Potsdam".to_owned(), all[1].distance), ("Berlin".to_owned(), all[0].distance)]);

        let lost = GeoSearch::circle(GeoCenter::member("Atlantis"), 1.0, KM);
        fails_with(ErrorKind::Server, cluster.geosearch::<_, String>("g", lost.clone()));
        fails_with(ErrorKind::Server, cluster.geosearch_found::<_, String>("g", lost.clone()));
        fails_with(ErrorKind::Server, cluster.geosearchstore("g", "g", lost));
        fails_with(ErrorKind::Server, cluster.geosearch::<_, String>("g", circle(-1.0)));
        fails_with(ErrorKind::Server, cluster.geosearch::<_, String>("g", circle(1.0).count(0)));
    });
}

#[test]
fn searching_in_a_polygon() {
    in_both_protocols(|cluster, _| {
        cities(cluster, "g");
        let corner = GeoPoint::new;
        let search = || GeoSearch::polygon([corner(13.0, 52.0), corner(13.2, 52.0), corner(13.1, 53.0)]);
        let found = match cluster.geosearch_found::<_, String>("g", search()) {
            Ok(found) => found,
            Err(error) => {
                skipped("BYPOLYGON: since Valkey 9.0.0");
                assert!(error.message().contains("syntax error"), "{error}");
                return;
            }
        };
        assert_eq!((found.len(), found[0].member.as_str()), (1, "Potsdam"));
        assert!(found[0].distance > 1000.0 && found[0].distance < 20_000.0, "{}", found[0].distance);
        assert_eq!(cluster.geosearchstore("d{g}", "g", search()).unwrap(), 1);
        let north = GeoSearch::polygon([corner(0.0, 50.0), corner(20.0, 50.0), corner(20.0, 60.0), corner(0.0, 60.0)]);
        let names: Vec<String> = cluster.geosearch("g", north.count(1).nearest_first()).unwrap();
        assert_eq!(names.len(), 1);
        fails_with(ErrorKind::Server, cluster.geosearch::<_, String>("g", GeoSearch::polygon([BERLIN, MUNICH])));
    });
}

#[test]
fn storing_what_is_found() {
    in_both_protocols(|cluster, servers| {
        cities(cluster, "g");
        let search = GeoSearch::circle(BERLIN, 100.0, KM);
        assert_eq!(cluster.geosearchstore("d{g}", "g", search.clone()).unwrap(), 2);
        let home = home_of(cluster, servers, "g");
        assert_eq!(home.ask(&["ZCARD", "d"]).int(), 2);
        near(cluster.geopos("d{g}", "Potsdam").unwrap()[0].unwrap(), POTSDAM);
        assert_eq!(cluster.geosearchstore_distances("d{g}", "g", search.clone()).unwrap(), 2);
        assert_eq!(cluster.zscore("d{g}", "Potsdam").unwrap().map(f64::round), Some(27.0));
        if servers[0].is_since("6.2.6", "GEOSEARCHSTORE of a missing key") {
            assert_eq!(cluster.geosearchstore("d{g}", "none{g}", search.clone()).unwrap(), 0);
            assert_eq!(home.ask(&["EXISTS", "d"]).int(), 0);
        } else {
            fails_with(ErrorKind::Reply, cluster.geosearchstore("d{g}", "none{g}", search.clone()));
        }
        let nowhere = GeoSearch::circle(GeoPoint::new(0.0, 0.0), 1.0, KM);
        assert_eq!(cluster.geosearchstore("d{g}", "g", nowhere).unwrap(), 0);
        assert_eq!(home.ask(&["EXISTS", "d"]).int(), 0);

        let other = (0..).map(|n| format!("d{n}")).find(|key| cluster.node_for(key) != cluster.node_for("g")).unwrap();
        let options = GeoRadiusOptions::new();
        let near = cluster.geosearch::<_, String>("g", search.clone()).unwrap().len() as u64;
        assert!(near > 0);
        assert_eq!(cluster.geosearchstore(&other, "g", search.clone()).unwrap(), near);
        assert_eq!(cluster.geosearchstore_distances(&other, "g", search).unwrap(), near);
        assert_eq!(cluster.georadius_store(&other, "g", BERLIN, 1.0, KM, options).unwrap(), 1);
        assert_eq!(cluster.georadius_store_distances(&other, "g", BERLIN, 1.0, KM, options).unwrap(), 1);
        assert_eq!(cluster.georadiusbymember_store(&other, "g", "Berlin", 1.0, KM, options).unwrap(), 1);
        assert_eq!(cluster.georadiusbymember_store_distances(&other, "g", "Berlin", 1.0, KM, options).unwrap(), 1);
        assert_eq!(cluster.zscore(&other, "Berlin").unwrap(), Some(0.0));
    });
}

#[test]
fn searching_as_servers_before_6_2() {
    in_both_protocols(|cluster, servers| {
        cities(cluster, "g");
        let near_first = GeoRadiusOptions::new().nearest_first();
        let one = GeoRadiusOptions::new().count(1);
        let any = GeoRadiusOptions::new().count_any(1).farthest_first();
        let both = ["Berlin", "Potsdam"];
        assert_eq!(cluster.georadius::<_, String>("g", BERLIN, 99.0, KM, near_first).unwrap(), both);
        assert_eq!(cluster.georadius_ro::<_, String>("g", BERLIN, 99.0, KM, near_first).unwrap(), both);
        assert_eq!(cluster.georadius_ro::<_, String>("g", BERLIN, 99.0, KM, one).unwrap(), ["Berlin"]);
        assert_eq!(cluster.georadius::<_, String>("g", BERLIN, 99.0, KM, any).unwrap().len(), 1);
        assert_eq!(cluster.georadiusbymember::<_, _, String>("g", "Berlin", 99.0, KM, near_first).unwrap(), both);
        assert_eq!(cluster.georadiusbymember_ro::<_, _, String>("g", "Potsdam", 9.0, KM, one).unwrap(), ["Potsdam"]);
        let all: [Vec<GeoFound<String>>; 4] = [
            cluster.georadius_found("g", POTSDAM, 99.0, KM, near_first).unwrap(),
            cluster.georadius_ro_found("g", POTSDAM, 99.0, KM, near_first).unwrap(),
            cluster.georadiusbymember_found("g", "Potsdam", 99.0, KM, near_first).unwrap(),
            cluster.georadiusbymember_ro_found("g", "Potsdam", 99.0, KM, near_first).unwrap(),
        ];
        for found in all {
            assert_eq!((found[1].member.as_str(), found[1].distance.round()), ("Berlin", 27.0));
            near(found[0].point, POTSDAM);
            assert_eq!(Some(found[1].hash as f64), cluster.zscore("g", "Berlin").unwrap());
        }
        fails_with(ErrorKind::Server, cluster.georadiusbymember::<_, _, String>("g", "Atlantis", 9.0, KM, one));

        assert_eq!(cluster.georadius_store("d{g}", "g", BERLIN, 99.0, KM, near_first).unwrap(), 2);
        near(cluster.geopos("d{g}", "Potsdam").unwrap()[0].unwrap(), POTSDAM);
        assert_eq!(cluster.georadius_store_distances("d{g}", "g", BERLIN, 99.0, KM, near_first).unwrap(), 2);
        assert_eq!(cluster.zscore("d{g}", "Potsdam").unwrap().map(f64::round), Some(27.0));
        assert_eq!(cluster.georadiusbymember_store("d{g}", "g", "Munich", 99.0, KM, one).unwrap(), 1);
        assert_eq!(cluster.georadiusbymember_store_distances("d{g}", "g", "Munich", 99.0, KM, one).unwrap(), 1);
        assert_eq!(home_of(cluster, servers, "g").ask(&["ZRANGE", "d", "0", "-1"]), Reply::bulks(&["Munich"]));
        assert_eq!(cluster.georadius_store("d{g}", "g", GeoPoint::new(0.0, 0.0), 1.0, KM, near_first).unwrap(), 0);
        assert_eq!(cluster.exists("d{g}").unwrap(), 0);
    });
}

#[test]
fn missing_keys() {
    in_both_protocols(|cluster, servers| {
        let search = || GeoSearch::circle(BERLIN, 9.0, KM);
        let options = GeoRadiusOptions::new();
        assert_eq!(cluster.geodist("g", "a", "b", KM).unwrap(), None);
        assert_eq!(cluster.geohash("g", ["a", "b"]).unwrap(), [None, None]);
        assert_eq!(cluster.geopos("g", ["a", "b"]).unwrap(), [None, None]);
        assert!(cluster.geosearch::<_, String>("g", search()).unwrap().is_empty());
        assert!(cluster.geosearch_found::<_, String>("g", search()).unwrap().is_empty());
        assert!(cluster.geosearch_with_distances::<_, String>("g", search()).unwrap().is_empty());
        let around = GeoSearch::rectangle(GeoCenter::member("a"), 1.0, 1.0, KM);
        assert!(cluster.geosearch::<_, String>("g", around).unwrap().is_empty());
        assert!(cluster.georadius::<_, String>("g", BERLIN, 9.0, KM, options).unwrap().is_empty());
        assert!(cluster.georadius_found::<_, String>("g", BERLIN, 9.0, KM, options).unwrap().is_empty());
        assert!(cluster.georadius_ro::<_, String>("g", BERLIN, 9.0, KM, options).unwrap().is_empty());
        assert!(cluster.georadiusbymember::<_, _, String>("g", "a", 9.0, KM, options).unwrap().is_empty());
        assert!(cluster.georadiusbymember_ro::<_, _, String>("g", "a", 9.0, KM, options).unwrap().is_empty());
        assert_eq!(cluster.geoadd_with("g", (BERLIN, "Berlin"), GeoAddOptions::new().if_exists()).unwrap(), 0);
        assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0), "nothing was made");
    });
}

#[test]
fn keys_of_another_type() {
    in_both_protocols(|cluster, _| {
        cluster.set("t", "text").unwrap();
        let wrong = ErrorKind::WrongType;
        let search = || GeoSearch::circle(BERLIN, 9.0, KM);
        let options = GeoRadiusOptions::new();
        fails_with(wrong, cluster.geoadd("t", (BERLIN, "Berlin")));
        fails_with(wrong, cluster.geoadd_with("t", (BERLIN, "Berlin"), GeoAddOptions::new().changed()));
        fails_with(wrong, cluster.geodist("t", "a", "b", KM));
        fails_with(wrong, cluster.geohash("t", "a"));
        fails_with(wrong, cluster.geopos("t", "a"));
        fails_with(wrong, cluster.geosearch::<_, String>("t", search()));
        fails_with(wrong, cluster.geosearch_found::<_, String>("t", search()));
        fails_with(wrong, cluster.geosearch_with_distances::<_, String>("t", search()));
        fails_with(wrong, cluster.geosearchstore("d{t}", "t", search()));
        fails_with(wrong, cluster.geosearchstore_distances("d{t}", "t", search()));
        fails_with(wrong, cluster.georadius::<_, String>("t", BERLIN, 9.0, KM, options));
        fails_with(wrong, cluster.georadius_found::<_, String>("t", BERLIN, 9.0, KM, options));
        fails_with(wrong, cluster.georadius_ro::<_, String>("t", BERLIN, 9.0, KM, options));
        fails_with(wrong, cluster.georadius_ro_found::<_, String>("t", BERLIN, 9.0, KM, options));
        fails_with(wrong, cluster.georadius_store("d{t}", "t", BERLIN, 9.0, KM, options));
        fails_with(wrong, cluster.georadiusbymember::<_, _, String>("t", "a", 9.0, KM, options));
        fails_with(wrong, cluster.georadiusbymember_found::<_, _, String>("t", "a", 9.0, KM, options));
        fails_with(wrong, cluster.georadiusbymember_ro::<_, _, String>("t", "a", 9.0, KM, options));
        fails_with(wrong, cluster.georadiusbymember_ro_found::<_, _, String>("t", "a", 9.0, KM, options));
        fails_with(wrong, cluster.georadiusbymember_store("d{t}", "t", "a", 9.0, KM, options));
    });
}

#[test]
fn members_of_any_bytes() {
    in_both_protocols(|cluster, _| {
        let member: &[u8] = b"\xff\0\r\n";
        cluster.geoadd("g{tag}", (BERLIN, member)).unwrap();
        let search = GeoSearch::circle(GeoCenter::member(member), 1.0, KM);
        assert_eq!(cluster.geosearch::<_, Vec<u8>>("g{tag}", search.clone()).unwrap(), [member]);
        fails_with(ErrorKind::Reply, cluster.geosearch::<_, String>("g{tag}", search));
        near(cluster.geopos("g{tag}", member).unwrap()[0].unwrap(), BERLIN);
    });
}

#[test]
fn what_is_sent() {
    fn words<T>(cmd: Cmd<T>) -> String {
        cmd.args().iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }
    let point = GeoPoint::new(1.5, -2.0);
    let options = GeoAddOptions::new().changed().if_missing();
    assert_eq!(words(Build.geoadd_with("g", (point, "a"), options)), "GEOADD g NX CH 1.5 -2 a");
    let search = GeoSearch::rectangle(point, 3.0, 4.5, GeoUnit::Miles).count_any(2).farthest_first();
    let sent = "GEOSEARCHSTORE d s FROMLONLAT 1.5 -2 BYBOX 3 4.5 mi COUNT 2 ANY DESC STOREDIST";
    assert_eq!(words(Build.geosearchstore_distances("d", "s", search)), sent);
    let search = GeoSearch::circle(GeoCenter::member(7), 3.0, GeoUnit::Feet).nearest_first();
    let sent = "GEOSEARCH g FROMMEMBER 7 BYRADIUS 3 ft ASC WITHCOORD WITHDIST WITHHASH";
    assert_eq!(words(Build.geosearch_found::<_, ()>("g", search)), sent);
    let search = GeoSearch::polygon([point, GeoPoint::new(0.0, 1.0), point]);
    assert_eq!(words(Build.geosearch::<_, ()>("g", search)), "GEOSEARCH g BYPOLYGON 3 1.5 -2 0 1 1.5 -2");
    let options = GeoRadiusOptions::new().count(3).nearest_first();
    let cmd = Build.georadius_store_distances("d", "g", point, 5.0, KM, options);
    assert_eq!(words(cmd), "GEORADIUS g 1.5 -2 5 km COUNT 3 ASC STOREDIST d");
    let cmd = Build.georadiusbymember_store("d", "g", "m", 5.0, KM, options);
    assert_eq!(words(cmd), "GEORADIUSBYMEMBER g m 5 km COUNT 3 ASC STORE d");
}
