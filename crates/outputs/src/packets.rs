//! Lines in UDP packets. Who receives them can't say so: what the system took counts as delivered.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

/// A receiver of packets.
pub(crate) struct Packets {
    socket: UdpSocket,
    /// Most bytes of a packet.
    payload: usize,
    /// Most lines of a packet.
    lines: usize,
}

impl Packets {
    /// To `host:port`, in packets of at most this many bytes and lines.
    ///
    /// # Errors
    /// No such host, or no socket.
    pub(crate) fn to(address: &str, payload: usize, lines: usize) -> io::Result<Self> {
        let receiver = address.to_socket_addrs()?.next();
        let receiver = receiver.ok_or_else(|| io::Error::other("no such host"))?;
        let any = match receiver {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(receiver)?;
        Ok(Self { socket, payload, lines })
    }

    /// Sends whole lines; returns how many went out. A line that is too long goes alone.
    pub(crate) fn send(&self, text: &str) -> u64 {
        let mut sent = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let (packet, n, tail) = self.cut(rest);
            rest = tail;
            // The error may be that of the packet before (nobody listens): this one was not sent then.
            let packet = packet.trim_end_matches('\n').as_bytes();
            if self.socket.send(packet).or_else(|_| self.socket.send(packet)).is_ok() {
                sent += n;
            }
        }
        sent
    }

    /// The next packet, its number of lines, and the rest.
    fn cut<'a>(&self, text: &'a str) -> (&'a str, u64, &'a str) {
        let (mut end, mut n) = (0, 0);
        while n < self.lines && end < text.len() {
            let next = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
            if n > 0 && next - 1 > self.payload {
                break;
            }
            (end, n) = (next, n + 1);
        }
        (&text[..end], n as u64, &text[end..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_hold_whole_lines() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap().to_string();
        let packets = Packets::to(&address, 8, 3).unwrap();
        assert_eq!(packets.send("abc\ndef\nghijklmnopqrst\na\nb\nc\nd\n"), 7);
        let mut got = Vec::new();
        for _ in 0..4 {
            let mut packet = [0; 64];
            let n = receiver.recv(&mut packet).unwrap();
            got.push(String::from_utf8_lossy(&packet[..n]).into_owned());
        }
        assert_eq!(got, ["abc\ndef", "ghijklmnopqrst", "a\nb\nc", "d"]);
    }
}
