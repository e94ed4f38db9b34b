// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice `require(ok, reason)` for reasons of up to 32 characters, with the reverting code once per contract instead of
/// once per check: a market has fifty checks, and 24,576 bytes for everything. Clients see the same `Error(string)`.
function check(bool ok, bytes32 reason) pure {
    if (ok) return;
    assembly ("memory-safe") {
        let length := 0
        for {} lt(length, 32) { length := add(length, 1) } {
            if iszero(byte(length, reason)) { break }
        }
        let data := mload(0x40)
        mstore(data, shl(224, 0x08c379a0)) // Error(string)
        mstore(add(data, 0x04), 0x20)
        mstore(add(data, 0x24), length)
        mstore(add(data, 0x44), reason)
        revert(data, 0x64)
    }
}
