// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Blob} from "./Blob.sol";
import {Cid} from "./Cid.sol";
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

    /// @dev The hash of the content ends the blob. One byte is left off: 680 projects and 32 bytes are one too many for a blob.
    uint256 internal constant CONTENT_LENGTH = 31;

    /// @dev The longest CID in use has 110 characters (CIDv1 of a 512-bit digest in base32).
    uint256 internal constant CID_LENGTH_MAX = 128;

    /// @dev How often an epoch is opened again for batches that have to be sent again.
    uint256 internal constant ROUNDS_MAX = 3;
    uint256 internal constant ROUND_WIDTH = 80;

    /// @dev A validator's number among the divergent ones of a batch.
    uint256 internal constant VOTER_WIDTH = 16;

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

    /// @dev The round that a batch of this number belongs to, and the block that its windows count from.
    function _roundOf(Epoch storage epoch, uint256 number) internal view returns (uint256 round, uint256 start) {
        // Beside the release: an epoch without disagreement is one slot.
        round = epoch.rounds;
        if (round == 0 || number < epoch.roundsFrom) return (0, epoch.releaseBlock);
        uint256 starts = epoch.roundStarts;
        for (; round != 0; --round) {
            uint256 lane = starts >> (ROUND_WIDTH * (round - 1));
            if (number >= uint16(lane)) return (round, uint64(lane >> 16));
        }
        start = epoch.releaseBlock;
    }

    /// @dev Whether a window of a batch of this number is over. Windows include their last block.
    function _isLate(Epoch storage epoch, uint256 number, uint256 window) internal view returns (bool) {
        (, uint256 start) = _roundOf(epoch, number);
        return block.number > start + window;
    }

    /// @dev What the batch says about which projects: see `submitContentAttestation`. Zero for a batch that was anchored
    /// before contents were hashed.
    function _contentOf(Batch storage batch) internal view returns (bytes31) {
        address blob = batch.blob;
        if (batch.flags & ROOT_ONLY != 0) return bytes31(Blob.readWord(blob, HEAD_LENGTH));
        uint256 length = Blob.size(blob);
        if (length % ENTRY_LENGTH != (HEAD_LENGTH + CONTENT_LENGTH) % ENTRY_LENGTH) return 0;
        return bytes31(Blob.readWord(blob, length - CONTENT_LENGTH));
    }

    function _unpackCid(uint256 kind, bytes32 word) internal view returns (string memory) {
        return kind == Cid.OTHER ? self.texts[word] : Cid.unpack(kind, word);
    }

    function _rootOf(Batch storage batch) internal view returns (bytes32) {
        address blob = batch.blob;
        return blob == address(0) ? bytes32(0) : Blob.readWord(blob, ROOT_OFFSET);
    }

    /// @dev The projects of a batch as packed bytes, 36 each; what follows them is less than one.
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
