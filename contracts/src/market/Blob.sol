// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMarketErrors} from "../interfaces/IMarketErrors.sol";

/// @title Bytes kept as the code of a contract that does nothing
/// @notice Writing costs 200 gas a byte instead of about 690 in storage slots, reading is one copy. A leading zero byte
/// (STOP) keeps the bytes from ever being run. They can never change, which suits what a batch says.
library Blob {
    /// @dev The code of a contract may have 24,576 bytes (EIP-170); one of them is the STOP.
    uint256 internal constant LENGTH_MAX = 24_575;

    /// @notice Stores `data` and returns where. Errors: `BlobNotWritten` when out of gas or above `LENGTH_MAX`.
    function write(bytes memory data) internal returns (address blob) {
        assembly ("memory-safe") {
            let length := mload(data)
            // Creation code written over the lower bytes of the length word, which is restored afterwards:
            // PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN, then the code: STOP, data.
            mstore(data, or(shl(64, or(0x610000, add(length, 1))), 0x80600a3d393df300))
            blob := create(0, add(data, 0x15), add(length, 11))
            mstore(data, length)
        }
        require(blob != address(0), IMarketErrors.BlobNotWritten());
    }

    /// @notice How many bytes are stored at `blob`; 0 when nothing was ever written there.
    function size(address blob) internal view returns (uint256 length) {
        length = blob.code.length;
        return length == 0 ? 0 : length - 1;
    }

    /// @notice `length` bytes from `offset` on. Bytes beyond the end read as zero.
    function read(address blob, uint256 offset, uint256 length) internal view returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(0x40, and(add(add(data, length), 0x3f), not(0x1f)))
            mstore(data, length)
            extcodecopy(blob, add(data, 0x20), add(offset, 1), length)
        }
    }

    /// @notice The 32 bytes from `offset` on.
    function readWord(address blob, uint256 offset) internal view returns (bytes32 word) {
        assembly ("memory-safe") {
            mstore(0, 0)
            extcodecopy(blob, 0, add(offset, 1), 0x20)
            word := mload(0)
        }
    }
}
