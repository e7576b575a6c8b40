//! Addresses of coins, told by the form and the checksum of their network.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use sha2::{Digest as _, Sha256};

/// A network that coins are sent over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Trc20,
    Erc20,
    Bep20,
    Bitcoin,
    Ton,
}

/// The coins that may be taken, each over the networks that carry it.
pub const COINS: [(&str, Network); 9] = [
    ("USDT", Network::Trc20),
    ("USDT", Network::Bep20),
    ("USDT", Network::Erc20),
    ("USDT", Network::Ton),
    ("TRX", Network::Trc20),
    ("BTC", Network::Bitcoin),
    ("ETH", Network::Erc20),
    ("BNB", Network::Bep20),
    ("TON", Network::Ton),
];

impl Network {
    /// The name that wallets show.
    pub fn code(self) -> &'static str {
        match self {
            Self::Trc20 => "TRC20",
            Self::Erc20 => "ERC20",
            Self::Bep20 => "BEP20",
            Self::Bitcoin => "BTC",
            Self::Ton => "TON",
        }
    }

    /// Whether money sent to `address` over this network can arrive.
    pub fn takes(self, address: &str) -> bool {
        // The longest is a TON address with its workchain.
        if !address.is_ascii() || address.len() > 70 {
            return false;
        }
        match self {
            Self::Trc20 => base58_version(address) == Some(0x41),
            Self::Erc20 | Self::Bep20 => address.strip_prefix("0x").is_some_and(|rest| is_hex(rest, 40)),
            Self::Bitcoin => matches!(base58_version(address), Some(0 | 5)) || is_segwit(address),
            Self::Ton => is_ton(address),
        }
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The version byte of an address in Base58Check; `None` when it is none.
fn base58_version(address: &str) -> Option<u8> {
    const ALPHABET: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    // The lowest byte first.
    let mut bytes: Vec<u8> = Vec::with_capacity(32);
    for c in address.chars() {
        let mut carry = u32::try_from(ALPHABET.find(c)?).ok()?;
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push((carry & 0xff) as u8);
        }
    }
    bytes.extend(address.bytes().take_while(|b| *b == b'1').map(|_| 0));
    bytes.reverse();
    if bytes.len() != 25 {
        return None;
    }
    let (payload, check) = bytes.split_at(21);
    let hash = Sha256::digest(Sha256::digest(payload));
    (hash[..4] == *check).then_some(payload[0])
}

/// Bech32 (BIP 173) and Bech32m (BIP 350) of the main network.
fn is_segwit(address: &str) -> bool {
    const CHARSET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let lower = address.to_ascii_lowercase();
    if address != lower && address != address.to_ascii_uppercase() {
        return false;
    }
    let Some(data) = lower.strip_prefix("bc1") else { return false };
    let values: Option<Vec<u32>> =
        data.chars().map(|c| CHARSET.find(c).and_then(|at| u32::try_from(at).ok())).collect();
    let Some(values) = values else { return false };
    // Version, program, six check digits: 20 or 32 bytes of program, 32 alone from version 1.
    let right_length = matches!((values.first(), values.len()), (Some(0), 39 | 59) | (Some(1), 59));
    let expected = if values.first() == Some(&0) { 1 } else { 0x2bc8_30a3 };
    right_length && polymod([3, 3, 0, 2, 3].into_iter().chain(values)) == expected
}

fn polymod(values: impl Iterator<Item = u32>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |check, value| {
        let top = check >> 25;
        let shifted = ((check & 0x01ff_ffff) << 5) ^ value;
        GENERATOR.iter().enumerate().fold(
            shifted,
            |sum, (bit, generator)| {
                if (top >> bit) & 1 == 1 { sum ^ generator } else { sum }
            },
        )
    })
}

/// The friendly form with its CRC-16, or workchain and hash; test networks are refused.
fn is_ton(address: &str) -> bool {
    if let Some((chain, hash)) = address.split_once(':') {
        return matches!(chain, "0" | "-1") && is_hex(hash, 64);
    }
    let url_safe = address.replace('+', "-").replace('/', "_");
    let Ok(bytes) = URL_SAFE.decode(url_safe) else { return false };
    if bytes.len() != 36 || !matches!(bytes[0], 0x11 | 0x51) || !matches!(bytes[1], 0 | 0xff) {
        return false;
    }
    let crc = bytes[..34].iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc.to_be_bytes() == bytes[34..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: [(Network, &str); 9] = [
        (Network::Trc20, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
        (Network::Erc20, "0xdAC17F958D2ee523a2206206994597C13D831ec7"),
        (Network::Bep20, "0x55d398326f99059ff775485246999027b3197955"),
        (Network::Bitcoin, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        (Network::Bitcoin, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
        (Network::Bitcoin, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (Network::Bitcoin, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
        (Network::Ton, "EQCxE6mUtQJKFnGfaROTKOt1lZbDiiX1kCixRv7Nw2Id_sDs"),
        (Network::Ton, "0:b113a994b5024a16719f69139328eb759596c38a25f59028b146fecdc3621dfe"),
    ];

    #[test]
    fn each_network_takes_its_own_addresses_only() {
        for (network, address) in ADDRESSES {
            for other in [Network::Trc20, Network::Erc20, Network::Bep20, Network::Bitcoin, Network::Ton] {
                let alike = network == other
                    || matches!(
                        (network, other),
                        (Network::Erc20, Network::Bep20) | (Network::Bep20, Network::Erc20)
                    );
                assert_eq!(other.takes(address), alike, "{address} on {other:?}");
            }
        }
    }

    #[test]
    fn one_wrong_character_is_noticed_where_there_is_a_checksum() {
        for (network, address) in ADDRESSES {
            if matches!(network, Network::Erc20 | Network::Bep20) || address.contains(':') {
                continue;
            }
            for at in 4..address.len() {
                let mut wrong = address.to_owned();
                let other = if &address[at..=at] == "2" { "3" } else { "2" };
                wrong.replace_range(at..=at, other);
                assert!(!network.takes(&wrong), "{wrong}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for network in [Network::Trc20, Network::Erc20, Network::Bitcoin, Network::Ton] {
            for text in
                ["", "0x", "T", "bc1", "۰x", "1111111111111111111111111", &"1".repeat(5000), "EQ", "0:ab"]
            {
                assert!(!network.takes(text), "{text} on {network:?}");
            }
        }
    }
}
