//! All clients, an app each, in one process: every one takes in all it is sent, one in twenty (and at least
//! twenty) is compared with the truth.

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::SystemTime;

use bevy::prelude::*;
use bevy::state::app::StatesPlugin;
use bevy_replicon::client::ServerUpdateTick;
use bevy_replicon::prelude::*;
use bevy_replicon_renet::netcode::{ClientAuthentication, NetcodeClientTransport};
use bevy_replicon_renet::renet::ConnectionConfig;
use bevy_replicon_renet::{RenetChannelsExt, RenetClient, RepliconRenetPlugins};
use peer_meadow::{Checks, Meadow, Ticker, Work, until_told};

use crate::state::{self, Number, Packed, Plain};

/// A look at one client's world in so many ticks.
const LOOK_TICKS: u64 = 10;
/// Threads that run clients.
const THREADS: u32 = 2;

pub fn run(work: Work, server: SocketAddr) {
    let told = until_told();
    let inside = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (told, inside) = (told.clone(), inside.clone());
            std::thread::spawn(move || play(work, server, thread, &told, &inside))
        })
        .collect();
    while inside.load(Ordering::Acquire) < work.clients && !told.load(Ordering::Acquire) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    println!("inside");
    let _nobody_reads = std::io::stdout().flush();
    for (n, thread) in threads.into_iter().enumerate() {
        let checks = thread.join().expect("clients do not panic");
        // One line is enough: the first thread has those that are compared.
        if n == 0 {
            println!("{}", checks.json());
        }
    }
}

/// Every [`THREADS`]-th client.
fn play(
    work: Work,
    server: SocketAddr,
    thread: u32,
    told: &AtomicBool,
    inside: &AtomicU32,
) -> Checks {
    let mut clients: Vec<(u32, App, bool)> = (thread..work.clients)
        .step_by(THREADS as usize)
        .map(|n| (n, client(n, work, server), false))
        .collect();
    let meadow = Meadow::new(work.clients, work.patch_m, work.hz);
    let mut checks = Checks::new(meadow, work.radius_m);
    let mut ticker = Ticker::new(work.hz);
    let verifiers = work.clients.div_ceil(20).max(20);
    let mut ticks = 0;
    while !told.load(Ordering::Acquire) {
        ticker.wait();
        ticks += 1;
        for (n, app, is_inside) in &mut clients {
            app.update();
            let own = app
                .world_mut()
                .query::<&Number>()
                .iter(app.world())
                .any(|number| number.0 == *n);
            if own && !*is_inside {
                *is_inside = true;
                inside.fetch_add(1, Ordering::AcqRel);
            }
        }
        let all_in = inside.load(Ordering::Acquire) >= work.clients;
        if thread == 0 && all_in && ticks % LOOK_TICKS == 0 {
            look(&mut clients, verifiers, work, &mut checks);
        }
    }
    checks
}

fn look(clients: &mut [(u32, App, bool)], verifiers: u32, work: Work, checks: &mut Checks) {
    let newest = clients
        .iter()
        .map(|(_, app, _)| u64::from(app.world().resource::<ServerUpdateTick>().get()))
        .max();
    checks.advance(newest.unwrap_or(0) + 4);
    for (n, app, _) in clients.iter_mut().take(verifiers as usize) {
        let world = app.world_mut();
        let shown: Vec<(usize, [f32; 3])> = if work.packed {
            let mut query = world.query::<(&Number, &Packed)>();
            query
                .iter(world)
                .map(|(n, state)| (n.0 as usize, state.pos()))
                .collect()
        } else {
            let mut query = world.query::<(&Number, &Plain)>();
            query
                .iter(world)
                .map(|(n, state)| (n.0 as usize, state.pos))
                .collect()
        };
        checks.look(*n as usize, shown.into_iter());
    }
}

fn client(n: u32, work: Work, server: SocketAddr) -> App {
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        StatesPlugin,
        RepliconPlugins,
        RepliconRenetPlugins,
    ));
    state::register(&mut app, work);
    app.finish();
    app.cleanup();
    let channels = app.world().resource::<RepliconChannels>();
    let client = RenetClient::new(ConnectionConfig {
        server_channels_config: channels.server_configs(),
        client_channels_config: channels.client_configs(),
        ..Default::default()
    });
    let authentication = ClientAuthentication::Unsecure {
        client_id: u64::from(n),
        protocol_id: 0,
        server_addr: server,
        user_data: None,
    };
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
    let transport =
        NetcodeClientTransport::new(now, authentication, socket).expect("the socket is good");
    app.insert_resource(client);
    app.insert_resource(transport);
    app
}
