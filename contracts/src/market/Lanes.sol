// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Small numbers side by side in storage words
/// @notice `width` is the number of bits of each: a power of two below 256. Neighbouring indexes share a word, so that
/// a run of them costs one new slot per 256 / width.
library Lanes {
    /// @notice The number at `index`, 0 when never written.
    function get(mapping(uint256 word => uint256) storage words, uint256 index, uint256 width)
        internal
        view
        returns (uint256)
    {
        unchecked {
            uint256 lanes = 256 / width;
            return (words[index / lanes] >> ((index % lanes) * width)) & ((1 << width) - 1);
        }
    }

    /// @notice Writes `value`, which must fit into `width` bits, at `index`.
    function set(mapping(uint256 word => uint256) storage words, uint256 index, uint256 width, uint256 value) internal {
        unchecked {
            uint256 lanes = 256 / width;
            uint256 shift = (index % lanes) * width;
            uint256 word = words[index / lanes];
            words[index / lanes] = (word & ~(((1 << width) - 1) << shift)) | (value << shift);
        }
    }
}
