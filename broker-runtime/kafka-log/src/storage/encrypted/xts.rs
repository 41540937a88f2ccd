//! AES-256-XTS (IEEE 1619-2018) of runs of blocks that begin anywhere in a data unit.

use aes::{
    Aes256, Block,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};

use super::key::DataKey;

/// Bytes of an AES block.
pub(super) const BLOCK: usize = 16;

/// Blocks of a data unit, each with its own tweak: 4 KiB.
const UNIT_BLOCKS: usize = 256;

/// Low byte of the reduction polynomial of GF(2^128), x^128 + x^7 + x^2 + x + 1.
const POLYNOMIAL: u128 = 0x87;

/// The cipher under one key.
pub(super) struct Xts {
    data: Aes256,
    tweak: Aes256,
}

impl Xts {
    pub(super) fn new(key: &DataKey) -> Self {
        let (data, tweak) = key.bytes().split_at(key.bytes().len() / 2);
        let cipher = |half: &[u8]| Aes256::new_from_slice(half).expect("half of a data key is a key of AES-256");
        Self {
            data: cipher(data),
            tweak: cipher(tweak),
        }
    }

    /// Encrypts whole blocks in place. The first is block `first` of the data that has this id; data unit N of it has the
    /// tweak `id + N`.
    pub(super) fn encrypt(&self, id: u128, first: u64, bytes: &mut [u8]) {
        self.each_unit(id, first, bytes, |blocks| self.data.encrypt_blocks(blocks));
    }

    /// Undoes [`Xts::encrypt`].
    pub(super) fn decrypt(&self, id: u128, first: u64, bytes: &mut [u8]) {
        self.each_unit(id, first, bytes, |blocks| self.data.decrypt_blocks(blocks));
    }

    fn each_unit(&self, id: u128, first: u64, bytes: &mut [u8], transform: impl Fn(&mut [Block])) {
        let (mut rest, tail) = Block::slice_as_chunks_mut(bytes);
        assert!(tail.is_empty(), "only whole blocks are encrypted");
        let unit_blocks = u64::try_from(UNIT_BLOCKS).expect("usize has at most 64 bits");
        let mut unit = first / unit_blocks;
        let mut skipped = usize::try_from(first % unit_blocks).expect("less than the blocks of a unit");
        let mut tweaks = [0; UNIT_BLOCKS];
        while !rest.is_empty() {
            let (blocks, others) = rest.split_at_mut(rest.len().min(UNIT_BLOCKS - skipped));
            let tweaks = &mut tweaks[..blocks.len()];
            self.fill_tweaks(id.wrapping_add(u128::from(unit)), skipped, tweaks);
            mask(blocks, tweaks);
            transform(blocks);
            mask(blocks, tweaks);
            (rest, unit, skipped) = (others, unit + 1, 0);
        }
    }

    /// The tweaks of the blocks of a data unit from block `skipped` on.
    fn fill_tweaks(&self, number: u128, skipped: usize, tweaks: &mut [u128]) {
        let mut first = Block::from(number.to_le_bytes());
        self.tweak.encrypt_block(&mut first);
        let mut tweak = (0..skipped).fold(u128::from_le_bytes(first.into()), |tweak, _| doubled(tweak));
        for slot in tweaks {
            *slot = tweak;
            tweak = doubled(tweak);
        }
    }
}

/// Times x in GF(2^128).
fn doubled(tweak: u128) -> u128 {
    (tweak << 1) ^ ((tweak >> 127) * POLYNOMIAL)
}

fn mask(blocks: &mut [Block], tweaks: &[u128]) {
    for (block, tweak) in blocks.iter_mut().zip(tweaks) {
        let bytes: [u8; BLOCK] = (*block).into();
        *block = Block::from((u128::from_le_bytes(bytes) ^ tweak).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::DATA_KEY_BYTES;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        let digits = digits.map(|pair| std::str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    fn counting_key() -> DataKey {
        let mut key = [0; DATA_KEY_BYTES];
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::try_from(at * 3 % 251).unwrap();
        }
        DataKey::new(key)
    }

    #[test]
    fn vectors_of_openssl() {
        // `cryptography` 48 over OpenSSL 3, AES-256-XTS with the number of the data unit as tweak, little endian.
        let xts = Xts::new(&counting_key());
        let plain: Vec<u8> = (0..3 * UNIT_BLOCKS * BLOCK)
            .map(|at| u8::try_from(at * 11 % 256).unwrap())
            .collect();
        let mut two_blocks = plain[..2 * BLOCK].to_vec();
        xts.encrypt(0, 0, &mut two_blocks);
        assert_eq!(
            two_blocks,
            bytes("176dce5cfc1ef0704cd3bffc87c383559720ecbe6791b6a5818ad1d7e633278b")
        );
        // Three units, the numbers of which run over.
        let mut units = plain;
        xts.encrypt(u128::MAX - 1, 0, &mut units);
        let second = &units[UNIT_BLOCKS * BLOCK..][..BLOCK];
        assert_eq!(second, bytes("841d71f0f5732d255cbc704282151cf7"));
        assert_eq!(units[units.len() - BLOCK..], bytes("20f0a4ceadff074c002204d79c42b4c6"));
    }

    #[test]
    fn a_run_may_begin_and_end_anywhere() {
        let xts = Xts::new(&counting_key());
        let plain: Vec<u8> = (0..BLOCK * 1000)
            .map(|at| u8::try_from(at * 7 % 256).unwrap())
            .collect();
        let mut whole = plain.clone();
        xts.encrypt(5, 0, &mut whole);
        for (start, end) in [(0, 1), (1, 2), (255, 257), (3, 999), (256, 512), (511, 1000)] {
            let range = start * BLOCK..end * BLOCK;
            let mut part = plain[range.clone()].to_vec();
            xts.encrypt(5, u64::try_from(start).unwrap(), &mut part);
            assert_eq!(part, whole[range.clone()], "blocks {start}..{end}");
            xts.decrypt(5, u64::try_from(start).unwrap(), &mut part);
            assert_eq!(part, plain[range], "blocks {start}..{end}");
        }
    }
}
