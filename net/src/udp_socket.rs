//! UDP sockets with room for a burst: on a tick all clients speak at once, and what finds no room
//! in the kernel's buffer is lost.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Asked for in each direction, bytes; the system may grant less. The kernel counts about 1 KiB for
/// a small packet, so this holds one datagram each of some thousand clients.
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Binds a socket and asks for large buffers. Being granted less is no error.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    let _as_much_as_granted = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _as_much_as_granted = socket.set_send_buffer_size(BUFFER_BYTES);
    socket.bind(&addr.into())?;
    Ok(socket.into())
}
