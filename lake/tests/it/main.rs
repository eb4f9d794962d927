//! The lake as its users meet it: what was acknowledged is there, once, whoever was killed or writing beside.

mod aside;
mod bucket;
mod canonical;
mod damage;
mod export;
mod faults;
mod folders;
mod full_disk;
mod kill;
mod round_trip;
mod schemas;
mod tools;
mod travel;
mod upsert;
mod worker;
mod world;
mod writers;
