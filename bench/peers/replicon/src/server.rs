//! The server: walks, looks who is near whom, replicates.

use std::io::Write;
use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use bevy::prelude::*;
use bevy::state::app::StatesPlugin;
use bevy_replicon::prelude::*;
use bevy_replicon::server::visibility::client_visibility::ClientVisibility;
use bevy_replicon::server::visibility::filters_mask::FilterBit;
use bevy_replicon::server::visibility::registry::FilterRegistry;
use bevy_replicon::shared::backend::connected_client::{NetworkId, NetworkIdMap};
use bevy_replicon::shared::replication::registry::ReplicationRegistry;
use bevy_replicon_renet::netcode::{NetcodeServerTransport, ServerAuthentication, ServerConfig};
use bevy_replicon_renet::renet::ConnectionConfig;
use bevy_replicon_renet::{RenetChannelsExt, RenetServer, RepliconRenetPlugins};
use peer_meadow::{Meadow, Near, Ticker, Work, until_told};

use crate::state::{self, Number, Packed, Plain};

#[derive(Resource)]
struct Field {
    meadow: Meadow,
    near: Near,
    work: Work,
    /// By walker.
    entities: Vec<Entity>,
}

/// The entity as a whole is seen or not.
#[derive(Resource, Deref)]
struct InRange(FilterBit);

impl FromWorld for InRange {
    fn from_world(world: &mut World) -> Self {
        let bit = world.resource_scope(|world, mut filters: Mut<FilterRegistry>| {
            world.resource_scope(|world, mut registry: Mut<ReplicationRegistry>| {
                filters.register_scope::<Entity>(world, &mut registry, ScopeLifetime::WhileVisible)
            })
        });
        Self(bit)
    }
}

pub fn run(work: Work) {
    let told = until_told();
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        StatesPlugin,
        RepliconPlugins.build().set(ServerPlugin::new(PostUpdate)),
        RepliconRenetPlugins,
    ));
    state::register(&mut app, work);
    app.add_systems(Update, (walk, see).chain());
    app.finish();
    app.cleanup();
    app.init_resource::<InRange>();
    let address = listen(&mut app, work);
    populate(&mut app, work);
    println!("ready {address}");
    let _nobody_reads = std::io::stdout().flush();
    let mut ticker = Ticker::new(work.hz);
    while !told.load(Ordering::Acquire) {
        ticker.wait();
        app.update();
        ticker.done();
    }
    println!("{}", ticker.take().json());
}

fn listen(app: &mut App, work: Work) -> std::net::SocketAddr {
    let channels = app.world().resource::<RepliconChannels>();
    let server = RenetServer::new(ConnectionConfig {
        server_channels_config: channels.server_configs(),
        client_channels_config: channels.client_configs(),
        ..Default::default()
    });
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = socket.local_addr().expect("it is bound");
    let config = ServerConfig {
        current_time: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970"),
        max_clients: work.clients as usize,
        protocol_id: 0,
        authentication: ServerAuthentication::Unsecure,
        public_addresses: vec![address],
    };
    let transport = NetcodeServerTransport::new(config, socket).expect("the socket is good");
    app.insert_resource(server);
    app.insert_resource(transport);
    address
}

fn populate(app: &mut App, work: Work) {
    let meadow = Meadow::new(work.clients, work.patch_m, work.hz);
    let entities = meadow
        .walkers()
        .iter()
        .enumerate()
        .map(|(n, walker)| {
            let number = Number(n as u32);
            if work.packed {
                app.world_mut()
                    .spawn((Replicated, number, Packed::from(walker)))
                    .id()
            } else {
                app.world_mut()
                    .spawn((Replicated, number, Plain::from(walker)))
                    .id()
            }
        })
        .collect();
    app.insert_resource(Field {
        near: Near::new(work.clients, work.radius_m),
        meadow,
        work,
        entities,
    });
}

fn walk(
    mut field: ResMut<Field>,
    mut plain: Query<(&Number, &mut Plain)>,
    mut packed: Query<(&Number, &mut Packed)>,
) {
    field.meadow.step();
    let walkers = field.meadow.walkers();
    if field.work.packed {
        for (number, mut state) in &mut packed {
            *state = Packed::from(&walkers[number.0 as usize]);
        }
    } else {
        for (number, mut state) in &mut plain {
            *state = Plain::from(&walkers[number.0 as usize]);
        }
    }
}

/// Sets what changed; of a client that is new, all.
fn see(
    mut field: ResMut<Field>,
    bit: Res<InRange>,
    ids: Res<NetworkIdMap>,
    mut clients: Query<&mut ClientVisibility>,
    new: Query<&NetworkId, Added<AuthorizedClient>>,
) {
    let Field {
        meadow,
        near,
        entities,
        ..
    } = &mut *field;
    near.look(meadow.walkers(), |who, whom, whether| {
        if let Some(client) = ids.get(&NetworkId::new(who as u64))
            && let Ok(mut sight) = clients.get_mut(*client)
        {
            sight.set(entities[whom], **bit, whether);
        }
    });
    for id in &new {
        let Some(client) = ids.get(id) else { continue };
        let Ok(mut sight) = clients.get_mut(*client) else {
            continue;
        };
        let me = id.get() as usize;
        for (other, entity) in entities.iter().enumerate() {
            sight.set(*entity, **bit, other == me || near.sees(me, other));
        }
    }
}
