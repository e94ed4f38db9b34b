// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title One content identifier in one storage word
/// @notice A CID that carries a SHA-256 digest is its digest plus a kind of three bits. Text comes back byte-identical:
/// packing decodes, encodes again and compares, and whatever differs is `OTHER`, which its owner stores as it came.
library Cid {
    /// @dev No CID at all: the empty string.
    uint256 internal constant EMPTY = 0;
    /// @dev CIDv1, raw leaves, SHA-256, base32: `bafkrei…`, 59 characters.
    uint256 internal constant RAW = 1;
    /// @dev CIDv1, dag-pb, SHA-256, base32: `bafybei…`, 59 characters.
    uint256 internal constant DAG_PB = 2;
    /// @dev CIDv0, base58 of a SHA-256 multihash: `Qm…`, 46 characters.
    uint256 internal constant V0 = 3;
    /// @dev Any other text; the word is its keccak256.
    uint256 internal constant OTHER = 4;

    /// @dev Version 1, codec, SHA-256 (0x12), 32 bytes (0x20): what stands before the digest.
    uint256 private constant RAW_PREFIX = 0x01551220;
    uint256 private constant DAG_PB_PREFIX = 0x01701220;
    uint256 private constant V0_PREFIX = 0x1220;

    uint256 private constant LOW_128 = (1 << 128) - 1;
    uint256 private constant LOW_136 = (1 << 136) - 1;
    /// @dev 58^11, the largest power of 58 whose remainders leave room for another 136 bits in a word.
    uint256 private constant BASE58_CHUNK = 24986644000165537792;

    /// @notice The kind of `text` and the word that stands for it.
    /// @return kind one of the constants above
    /// @return word the SHA-256 digest, or keccak256 of the text when the kind is `OTHER`
    function pack(string calldata text) internal pure returns (uint256 kind, bytes32 word) {
        uint256 length = bytes(text).length;
        if (length == 0) return (EMPTY, 0);
        if (length == 59) (kind, word) = _packV1(text);
        else if (length == 46) (kind, word) = _packV0(text);
        if (kind == EMPTY) (kind, word) = (OTHER, keccak256(bytes(text)));
    }

    /// @notice The text of a packed CID. Not for `OTHER`, whose text is stored elsewhere.
    function unpack(uint256 kind, bytes32 digest) internal pure returns (string memory) {
        if (kind == EMPTY) return "";
        if (kind == V0) return _encodeV0(digest);
        (uint256 head, uint256 tail) = _encodeV1(kind == RAW ? RAW_PREFIX : DAG_PB_PREFIX, digest);
        string memory text = new string(59);
        assembly ("memory-safe") {
            mstore8(add(text, 0x20), 0x62) // b: the multibase prefix of base32
            mstore(add(text, 0x21), head)
            // The upper 26 bytes only; what follows them in memory belongs to nobody yet and stays zero.
            mstore(add(text, 0x41), tail)
        }
        return text;
    }

    function _packV1(string calldata text) private pure returns (uint256 kind, bytes32 digest) {
        uint256 multibase;
        uint256 head;
        uint256 tail;
        assembly ("memory-safe") {
            multibase := byte(0, calldataload(text.offset))
            head := calldataload(add(text.offset, 1))
            tail := and(calldataload(add(text.offset, 33)), not(0xffffffffffff))
        }
        uint256 upper = _fromBase32(head);
        uint256 prefix = upper >> 128;
        digest = bytes32(((upper & LOW_128) << 128) | ((_fromBase32(tail) >> 32) & LOW_128));
        (uint256 headAgain, uint256 tailAgain) = _encodeV1(prefix, digest);
        if (multibase != 0x62 || headAgain != head || tailAgain != tail) return (EMPTY, 0);
        if (prefix == RAW_PREFIX) kind = RAW;
        else if (prefix == DAG_PB_PREFIX) kind = DAG_PB;
    }

    /// @dev 58 characters are 290 bits: 36 bytes and two zero bits. `head` holds the first 32, `tail` the last 26.
    function _encodeV1(uint256 prefix, bytes32 digest) private pure returns (uint256 head, uint256 tail) {
        head = _toBase32((prefix << 128) | (uint256(digest) >> 128));
        tail = _toBase32((uint256(digest) & LOW_128) << 32) & ~uint256(0xffffffffffff);
    }

    /// @dev 160 bits to 32 characters at once: the bits are dealt out by halves until each byte holds five of them.
    function _toBase32(uint256 x) private pure returns (uint256) {
        unchecked {
            x = (x & ((1 << 80) - 1)) | ((x >> 80) << 128);
            x = (x & _LANES_40) | ((x >> 40 & _LANES_40) << 64);
            x = (x & _LANES_20) | ((x >> 20 & _LANES_20) << 32);
            x = (x & _LANES_10) | ((x >> 10 & _LANES_10) << 16);
            x = (x & _LANES_5) | ((x >> 5 & _LANES_5) << 8);
            // 0…25 are a…z, 26…31 are 2…7; adding 6 carries into bit 5 exactly for the digits.
            uint256 digits = ((x + 6 * _ONES) >> 5) & _ONES;
            return x + 0x61 * _ONES - 73 * digits;
        }
    }

    /// @dev The reverse of `_toBase32`. Characters outside the alphabet give rubbish, which the comparison finds.
    function _fromBase32(uint256 x) private pure returns (uint256) {
        unchecked {
            uint256 letters = (x >> 6) & _ONES;
            x = ((x & 0x1f * _ONES) + 8 * _ONES - 9 * letters) & 0x1f * _ONES;
            x = (x & _LANES_5) | ((x >> 8 & _LANES_5) << 5);
            x = (x & _LANES_10) | ((x >> 16 & _LANES_10) << 10);
            x = (x & _LANES_20) | ((x >> 32 & _LANES_20) << 20);
            x = (x & _LANES_40) | ((x >> 64 & _LANES_40) << 40);
            return (x & ((1 << 80) - 1)) | ((x >> 128) << 80);
        }
    }

    /// @dev One in every byte, and the low 5, 10, 20, 40 bits of every 16, 32, 64, 128.
    uint256 private constant _ONES = type(uint256).max / 0xff;
    uint256 private constant _LANES_5 = type(uint256).max / 0xffff * 0x1f;
    uint256 private constant _LANES_10 = type(uint256).max / 0xffffffff * 0x3ff;
    uint256 private constant _LANES_20 = type(uint256).max / 0xffffffffffffffff * 0xfffff;
    uint256 private constant _LANES_40 = type(uint256).max / LOW_128 * 0xffffffffff;

    function _packV0(string calldata text) private pure returns (uint256 kind, bytes32 digest) {
        uint256 value;
        // The multihash has 272 bits; the upper 16 overflow away and the comparison below accounts for them.
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 46) { i := add(i, 1) } {
                let c := byte(0, calldataload(add(text.offset, i)))
                let digit := sub(sub(sub(c, 49), mul(7, gt(c, 57))), add(gt(c, 73), gt(c, 79)))
                digit := sub(digit, add(mul(6, gt(c, 90)), gt(c, 108)))
                value := add(mul(value, 58), digit)
            }
        }
        digest = bytes32(value);
        if (keccak256(bytes(_encodeV0(digest))) == keccak256(bytes(text))) return (V0, digest);
        return (EMPTY, 0);
    }

    function _encodeV0(bytes32 digest) private pure returns (string memory text) {
        text = new string(46);
        // Two limbs of 136 bits; eleven characters are divided off at a time, the last two are the rest.
        uint256 high = (V0_PREFIX << 120) | (uint256(digest) >> 136);
        uint256 low = uint256(digest) & LOW_136;
        unchecked {
            uint256 end = 46;
            for (uint256 i = 0; i < 4; ++i) {
                uint256 value = ((high % BASE58_CHUNK) << 136) | low;
                high /= BASE58_CHUNK;
                low = value / BASE58_CHUNK;
                _writeBase58(text, end, 11, value % BASE58_CHUNK);
                end -= 11;
            }
            _writeBase58(text, 2, 2, low);
        }
    }

    /// @dev Writes `count` characters of `value`, the last of them before position `end`.
    function _writeBase58(string memory text, uint256 end, uint256 count, uint256 value) private pure {
        assembly ("memory-safe") {
            let last := add(add(text, 0x1f), end)
            for { let place := last } gt(place, sub(last, count)) { place := sub(place, 1) } {
                let digit := mod(value, 58)
                value := div(value, 58)
                // The alphabet in two words: digits 0…31 and 32…57.
                switch lt(digit, 32)
                case 1 { mstore8(place, byte(digit, "123456789ABCDEFGHJKLMNPQRSTUVWXY")) }
                default { mstore8(place, byte(sub(digit, 32), "Zabcdefghijkmnopqrstuvwxyz")) }
            }
        }
    }
}
