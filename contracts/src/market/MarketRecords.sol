// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Blob} from "./Blob.sol";
import {Lanes} from "./Lanes.sol";
import {MarketBase} from "./MarketBase.sol";

/// @title How an anchored batch is found and read
abstract contract MarketRecords is MarketBase {
    using Lanes for mapping(uint256 => uint256);

    /// @dev Where things lie in a batch's blob: root, CID word, projects.
    uint256 internal constant ROOT_OFFSET = 0;
    uint256 internal constant CID_OFFSET = 32;
    uint256 internal constant HEAD_LENGTH = 64;
    uint256 internal constant ENTRY_LENGTH = 36;

    /// @dev Blob, offset and length of a project's name.
    uint256 internal constant NAME_WIDTH = 64;
    /// @dev Per epoch and project: batch number and position in it, 16 bits each.
    uint256 internal constant ENTRY_WIDTH = 32;

    /// @dev In one place, because copying a string from the calldata takes 40 bytes of code.
    function _hash(string calldata text) internal pure returns (bytes32) {
        return keccak256(bytes(text));
    }

    /// @dev The batch of this CID in this epoch; 0 when there is none.
    function _numberOf(bytes32 cidHash, uint256 epochId) internal view returns (uint256) {
        BatchPointer storage latest = self.latestBatch[cidHash];
        return latest.epochId == epochId ? latest.number : self.earlierBatch[cidHash][epochId];
    }

    function _rootOf(Batch storage batch) internal view returns (bytes32) {
        address blob = batch.blob;
        return blob == address(0) ? bytes32(0) : Blob.readWord(blob, ROOT_OFFSET);
    }

    /// @dev The projects of a batch as packed bytes, 36 each.
    function _entriesOf(Batch storage batch) internal view returns (bytes memory) {
        address blob = batch.blob;
        uint256 size = Blob.size(blob);
        if (size <= HEAD_LENGTH || batch.flags & ROOT_ONLY != 0) return "";
        return Blob.read(blob, HEAD_LENGTH, size - HEAD_LENGTH);
    }

    /// @dev Takes one project out of `_entriesOf`.
    function _entryAt(bytes memory entries, uint256 position)
        internal
        pure
        returns (uint256 index, uint256 kind, bytes32 word)
    {
        assembly ("memory-safe") {
            let place := add(add(entries, 0x20), mul(position, 36))
            index := shr(224, mload(place))
            kind := shr(29, index)
            index := and(index, 0x1fffffff)
            word := mload(add(place, 4))
        }
    }

    /// @dev The name of a project by its index.
    function _name(uint256 index) internal view returns (bytes memory) {
        uint256 place = self.names.get(index, NAME_WIDTH);
        return Blob.read(self.nameBlobs[place >> 32], uint16(place >> 16), uint16(place));
    }

    /// @dev The newest batch of this CID; an empty record when there is none, since numbers start at 1.
    function _latest(string calldata batchCid) internal view returns (Batch storage) {
        BatchPointer storage latest = self.latestBatch[_hash(batchCid)];
        return self.batches[latest.epochId][latest.number];
    }
}
