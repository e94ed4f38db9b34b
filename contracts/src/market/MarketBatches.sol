// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {Blob} from "./Blob.sol";
import {Cid} from "./Cid.sol";
import {Lanes} from "./Lanes.sol";
import {MarketFront} from "./MarketFront.sol";
import {MarketRecords} from "./MarketRecords.sol";
import {RoleSet} from "./RoleSet.sol";

/// @title Batches of snapshots, as the sequencer anchors them
/// @notice A batch is written once, as code (`Blob`): the root, the CID, and per project its number and CID. A project's
/// name is stored when it first appears and is a number from then on. A snapshot's status and time are its batch's, so
/// finalizing a batch rewrites none of its snapshots.
abstract contract MarketBatches is MarketFront, MarketRecords {
    using Lanes for mapping(uint256 => uint256);
    using RoleSet for RoleSet.Set;

    /// @notice A batch arrived in time and was stored.
    event SnapshotBatchSubmitted(string batchCid, uint256 indexed epochId, uint256 timestamp);
    /// @notice A batch arrived after its window; nothing was stored.
    event DelayedBatchSubmitted(string batchCid, uint256 indexed epochId, uint256 timestamp);
    /// @notice No more batches will come for this epoch.
    event BatchSubmissionsCompleted(uint256 indexed epochId, uint256 timestamp);

    /// @dev What one blob holds. With the two limits below finalizing so many fits into 30 million gas, whatever they say.
    uint256 internal constant PROJECTS_MAX = 680;
    uint256 private constant PROJECT_ID_LENGTH_MAX = 256;

    /// @dev A batch being put together.
    struct Draft {
        uint256 number;
        uint256 cidKind;
        bytes blob;
        // The batch that had this CID in this epoch before, 0 when there was none.
        uint256 known;
        // Hashes of project id and CID, one pair after the other.
        bytes content;
        // Names of projects seen for the first time, one after the other, and how many bytes of the buffer they fill.
        bytes names;
        uint256 namesLength;
        // Sent by a validator in the place of a sequencer that is silent.
        bool standsIn;
    }

    /// @notice Anchors a batch: which CID each project got in an epoch, and the root that validators have to confirm.
    /// After the batch window nothing is stored. A batch that has to be sent again opens a round in which the window begins
    /// anew, ended submissions or not; an epoch has three rounds. When half of a round's batch window is over, any present
    /// validator may send what takes over projects of refuted batches, and nothing else (E25). Errors: E44, E04, E30 (no such epoch), E23 (lengths differ),
    /// E24 (empty), E43 (submissions ended), E25 (a project has a snapshot for this epoch, or this CID was anchored for
    /// it and need not be sent again, or said something else), `TooManyProjects`, `ProjectIdTooLong`, `CidTooLong`,
    /// `TooManyBatches`.
    /// @return SNAPSHOT_BATCH_SUBMITTED stored
    /// @return DELAYED_BATCH_SUBMITTED not stored because too late
    function submitSubmissionBatch(
        string calldata batchCid,
        uint256 epochId,
        string[] calldata projectIds,
        string[] calldata snapshotCids,
        bytes32 finalizedCidsRootHash,
        address _sender
    ) external returns (bool SNAPSHOT_BATCH_SUBMITTED, bool DELAYED_BATCH_SUBMITTED) {
        Draft memory draft;
        draft.standsIn = _checkSubmitter(epochId, _sender);
        check(projectIds.length == snapshotCids.length, "E23");
        if (!_openBatch(draft, batchCid, epochId, projectIds.length)) return (false, true);

        _writeHead(draft, batchCid, finalizedCidsRootHash, ENTRY_LENGTH * projectIds.length + CONTENT_LENGTH);
        draft.content = new bytes(64 * projectIds.length);
        for (uint256 i = 0; i < projectIds.length; ++i) {
            _addEntry(draft, epochId, i, projectIds[i], snapshotCids[i]);
        }
        _flushNames(draft);
        _writeContent(draft);
        _store(draft, epochId, 0);
        emit SnapshotBatchSubmitted(batchCid, epochId, block.timestamp);
        return (true, false);
    }

    /// @notice Declares that all batches of an epoch were sent; later ones fail with E43, until one has to be sent again.
    /// Errors: E44, E04, E30 (no such epoch), E39 (already declared).
    function endBatchSubmissions(uint256 epochId, address _sender) external onlySequencerVia(_sender) {
        Epoch storage epoch = self.epochs[epochId];
        check(epoch.releasedAt != 0, "E30");
        check(!epoch.submissionsCompleted, "E39");
        epoch.submissionsCompleted = true;
        emit BatchSubmissionsCompleted(epochId, block.timestamp);
    }

    /// @dev All checks that need no project, then the number of the new batch within its epoch; false when it is late.
    function _openBatch(Draft memory draft, string calldata batchCid, uint256 epochId, uint256 projects)
        internal
        returns (bool)
    {
        Epoch storage epoch = self.epochs[epochId];
        check(epoch.releasedAt != 0, "E30");
        uint256 number = uint256(epoch.batches) + 1;
        if (_isLate(epoch, number, self.batchWindow)) {
            emit DelayedBatchSubmitted(batchCid, epochId, block.timestamp);
            return false;
        }
        check(projects != 0, "E24");
        // What was declared complete is open again for what has to be sent again.
        check(!epoch.submissionsCompleted || epoch.rounds != 0, "E43");
        require(projects <= PROJECTS_MAX, TooManyProjects(projects, PROJECTS_MAX));
        // An entry names its batch in 16 bits.
        require(number <= type(uint16).max, TooManyBatches(epochId));
        epoch.batches = uint32(number);
        draft.number = number;
        draft.known = _pointTo(_hash(batchCid), epochId, number);
        return true;
    }

    /// @dev Makes the CID lead to its newest batch. Within one epoch a CID is one batch, unless that has to be sent again.
    /// Answers with the batch that was there.
    function _pointTo(bytes32 cidHash, uint256 epochId, uint256 number) private returns (uint256 known) {
        BatchPointer storage latest = self.latestBatch[cidHash];
        (uint256 latestEpoch, uint256 latestNumber) = (latest.epochId, latest.number);
        if (latestNumber != 0) {
            known = latestEpoch == epochId ? latestNumber : self.earlierBatch[cidHash][epochId];
            check(known == 0 || _isReplaceable(self.batches[epochId][known]), "E25");
            if (latestEpoch != epochId) self.earlierBatch[cidHash][latestEpoch] = latestNumber;
        }
        latest.epochId = uint64(epochId);
        latest.number = uint32(number);
    }

    /// @dev Starts the blob with root and CID, leaving `length` bytes after them.
    function _writeHead(Draft memory draft, string calldata batchCid, bytes32 root, uint256 length) internal {
        (uint256 kind, bytes32 word) = _packCid(batchCid);
        draft.cidKind = kind;
        bytes memory blob = new bytes(HEAD_LENGTH + length);
        assembly ("memory-safe") {
            mstore(add(blob, 0x20), root)
            mstore(add(blob, 0x40), word)
        }
        draft.blob = blob;
    }

    function _writeContent(Draft memory draft) private pure {
        (bytes memory blob, bytes32 content) = (draft.blob, keccak256(draft.content));
        uint256 contentLength = CONTENT_LENGTH;
        assembly ("memory-safe") {
            // The blob's length is odd: the byte too many falls into what rounds it up.
            mstore(sub(add(add(blob, 0x20), mload(blob)), contentLength), content)
        }
    }

    /// @dev Writes the batch out. Its blob never changes, its flags do. E25: a vote names a batch by CID and root, perhaps
    /// before the batch it is counted for was anchored; so within an epoch a CID says the same of the same projects.
    function _store(Draft memory draft, uint256 epochId, uint8 flags) internal {
        Batch storage batch = self.batches[epochId][draft.number];
        batch.blob = Blob.write(draft.blob);
        batch.time = uint40(block.timestamp);
        batch.flags = flags | uint8(draft.cidKind);
        if (draft.known == 0) return;
        check(_contentOf(batch) == _contentOf(self.batches[epochId][draft.known]), "E25");
    }

    function _addEntry(
        Draft memory draft,
        uint256 epochId,
        uint256 position,
        string calldata projectId,
        string calldata snapshotCid
    ) private {
        bytes32 nameHash = _hash(projectId);
        uint256 index = _noteProject(draft, projectId, nameHash, epochId);
        (uint256 kind, bytes32 word) = _packCid(snapshotCid);
        _noteContent(draft, position, nameHash, _hash(snapshotCid));
        // An empty CID says nothing and must not keep a later batch from saying something.
        if (kind != Cid.EMPTY) _claimEntry(draft, epochId, index, position);
        bytes memory blob = draft.blob;
        assembly ("memory-safe") {
            let place := add(add(blob, 0x60), mul(position, 36))
            // The last word ends exactly at the end of the blob: kind and index first, then the word over their rest.
            mstore(place, shl(224, or(shl(29, kind), index)))
            mstore(add(place, 4), word)
        }
    }

    function _noteContent(Draft memory draft, uint256 position, bytes32 nameHash, bytes32 cidHash) private pure {
        bytes memory content = draft.content;
        assembly ("memory-safe") {
            let place := add(add(content, 0x20), shl(6, position))
            mstore(place, nameHash)
            mstore(add(place, 0x20), cidHash)
        }
    }

    /// @dev Looks the project up, stores its name if it is new, and notes that it has a snapshot for this epoch.
    function _noteProject(Draft memory draft, string calldata name, bytes32 nameHash, uint256 epochId)
        private
        returns (uint256 index)
    {
        Project storage project = self.projects[nameHash];
        index = project.index;
        if (index == 0) {
            index = ++self.projectCount;
            project.index = uint32(index);
            project.firstEpoch = uint64(epochId);
            _addName(draft, name, index);
        }
        // Epochs may be served out of order: "last" is the greatest, not the most recent.
        if (epochId > project.lastSubmittedEpoch) project.lastSubmittedEpoch = uint64(epochId);
    }

    function _addName(Draft memory draft, string calldata name, uint256 index) private {
        uint256 length = bytes(name).length;
        require(length <= PROJECT_ID_LENGTH_MAX, ProjectIdTooLong(length, PROJECT_ID_LENGTH_MAX));
        if (draft.names.length == 0) draft.names = new bytes(Blob.LENGTH_MAX);
        else if (draft.namesLength + length > Blob.LENGTH_MAX) _flushNames(draft);
        uint256 offset = draft.namesLength;
        bytes memory buffer = draft.names;
        assembly ("memory-safe") {
            calldatacopy(add(add(buffer, 0x20), offset), name.offset, length)
        }
        draft.namesLength = offset + length;
        self.names.set(index, NAME_WIDTH, (self.nameBlobs.length << 32) | (offset << 16) | length);
    }

    /// @dev Writes the collected names out and empties the buffer.
    function _flushNames(Draft memory draft) private {
        bytes memory buffer = draft.names;
        if (buffer.length == 0) return;
        uint256 length = draft.namesLength;
        assembly ("memory-safe") {
            mstore(buffer, length)
        }
        self.nameBlobs.push(Blob.write(buffer));
        uint256 lengthMax = Blob.LENGTH_MAX;
        assembly ("memory-safe") {
            mstore(buffer, lengthMax)
        }
        draft.namesLength = 0;
    }

    /// @dev E25: a project has one snapshot per epoch, unless the batch that brought it has to be sent again.
    /// Who stands in for the sequencer takes over what was refuted, and claims nothing else.
    function _claimEntry(Draft memory draft, uint256 epochId, uint256 index, uint256 position) private {
        uint256 entry = self.entries[epochId].get(index, ENTRY_WIDTH);
        // The batch being written is not replaceable either, which refuses a project named twice in it.
        if (entry != 0 || draft.standsIn) check(_isReplaceable(self.batches[epochId][entry >> 16]), "E25");
        self.entries[epochId].set(index, ENTRY_WIDTH, (draft.number << 16) | position);
    }

    /// @dev E44, E04: a sequencer, or a validator when half of the batch window of a round is over. Answers whether it is
    /// the latter. An honest sequencer has answered by then.
    function _checkSubmitter(uint256 epochId, address sender) private view returns (bool standsIn) {
        _checkProtocolState();
        if (self.sequencers.has(sender)) return false;
        Epoch storage epoch = self.epochs[epochId];
        check(epoch.rounds != 0 && self.validators.has(sender), "E04");
        check(_isLate(epoch, uint256(epoch.batches) + 1, self.batchWindow / 2), "E04");
        return true;
    }

    function _isReplaceable(Batch storage batch) private view returns (bool) {
        return batch.flags & (REPLACEABLE | FINAL) == REPLACEABLE;
    }

    function _packCid(string calldata text) internal returns (uint256 kind, bytes32 word) {
        (kind, word) = Cid.pack(text);
        if (kind != Cid.OTHER) return (kind, word);
        require(bytes(text).length <= CID_LENGTH_MAX, CidTooLong(bytes(text).length, CID_LENGTH_MAX));
        if (bytes(self.texts[word]).length == 0) self.texts[word] = text;
    }

    function _batchCid(Batch storage batch) private view returns (string memory) {
        return _unpackCid(batch.flags & CID_KIND, Blob.readWord(batch.blob, CID_OFFSET));
    }

    /// @notice Whether the submissions of an epoch were declared complete.
    function epochIdToBatchSubmissionsCompleted(uint256 epochId)
        external
        view
        returns (bool batchSubmissionsCompleted)
    {
        return self.epochs[epochId].submissionsCompleted;
    }

    /// @notice The CIDs of the batches of an epoch, in order of submission.
    function getEpochIdToBatchCids(uint256 epochId) external view returns (string[] memory) {
        string[] memory batchCids = new string[](self.epochs[epochId].batches);
        for (uint256 i = 0; i < batchCids.length; ++i) {
            batchCids[i] = _batchCid(self.batches[epochId][i + 1]);
        }
        return batchCids;
    }

    /// @notice One of them, from 0. Reverts beyond the last.
    function epochIdToBatchCids(uint256 epochId, uint256 index) external view returns (string memory batchCids) {
        require(index < self.epochs[epochId].batches);
        return _batchCid(self.batches[epochId][index + 1]);
    }

    /// @notice The projects of a batch, in order of submission. A CID anchored in several epochs means its newest batch,
    /// here and in all functions that take a batch CID without an epoch.
    function getBatchCidToProjects(string calldata batchCid) external view returns (string[] memory) {
        _askDesk();
    }

    /// @notice One of them, from 0. Reverts beyond the last.
    function batchCidToProjects(string calldata batchCid, uint256 position)
        external
        view
        returns (string memory projectids)
    {
        _askDesk();
    }

    /// @notice Number of projects in a batch.
    function batchCidToProjectsLen(string calldata batchCid) external view returns (uint256) {
        return _entriesOf(_latest(batchCid)).length / ENTRY_LENGTH;
    }

    /// @notice The root that the sequencer anchored with the batch.
    function batchCidSequencerAttestation(string calldata batchCid)
        external
        view
        returns (bytes32 finalizedCidsRootHash)
    {
        return _rootOf(_latest(batchCid));
    }

    /// @notice Status (0 pending or none, 1 final), CID and time of a project's snapshot. The time is that of submission
    /// while pending, of finalization afterwards.
    function snapshotStatus(string calldata projectId, uint256 epochId)
        public
        view
        returns (uint8 status, string memory snapshotCid, uint256 timestamp)
    {
        uint256 entry = self.entries[epochId].get(self.projects[_hash(projectId)].index, ENTRY_WIDTH);
        if (entry == 0) return (0, "", 0);
        Batch storage batch = self.batches[epochId][entry >> 16];
        uint256 offset = HEAD_LENGTH + (entry & 0xffff) * ENTRY_LENGTH;
        (, uint256 kind, bytes32 word) = _entryAt(Blob.read(batch.blob, offset, ENTRY_LENGTH), 0);
        return (batch.flags & FINAL == 0 ? 0 : 1, _unpackCid(kind, word), batch.time);
    }

    /// @notice CID and status of a project's snapshot; ("", 0) when there is none. A pending CID is returned too.
    function maxSnapshotsCid(string calldata projectId, uint256 epochId) external view returns (string memory, uint8) {
        (uint8 status, string memory snapshotCid,) = snapshotStatus(projectId, epochId);
        return (snapshotCid, status);
    }

    /// @notice The first epoch for which the project was in a batch, final or not; 0 when in none.
    function projectFirstEpochId(string calldata projectId) external view returns (uint256 epochId) {
        return self.projects[_hash(projectId)].firstEpoch;
    }

    /// @notice The latest epoch for which the project was in a batch, final or not.
    function lastSequencerFinalizedSnapshot(string calldata projectId) external view returns (uint256 epochId) {
        return self.projects[_hash(projectId)].lastSubmittedEpoch;
    }

    /// @notice The latest epoch for which the project has a final snapshot.
    function lastFinalizedSnapshot(string calldata projectId) external view returns (uint256 epochId) {
        return self.projects[_hash(projectId)].lastFinalizedEpoch;
    }
}
