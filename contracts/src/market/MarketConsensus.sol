// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {Cid} from "./Cid.sol";
import {Lanes} from "./Lanes.sol";
import {MarketBatches} from "./MarketBatches.sol";
import {RoleSet} from "./RoleSet.sol";

/// @title Votes of validators on a batch's root
/// @notice A batch becomes final when more than half of the present validators, and at least the minimum, voted for the
/// root that the sequencer anchored. When such a majority stands behind another root, the batch has to be sent again.
abstract contract MarketConsensus is MarketBatches {
    using Lanes for mapping(uint256 => uint256);
    using RoleSet for RoleSet.Set;

    /// @notice A vote was counted.
    event SnapshotBatchAttestationSubmitted(
        string batchCid, uint256 indexed epochId, uint256 timestamp, address indexed validatorAddr
    );
    /// @notice A vote came after its window and was not counted.
    event DelayedAttestationSubmitted(
        string batchCid, uint256 indexed epochId, uint256 timestamp, address indexed validatorAddr
    );
    /// @notice The snapshot of a project became final.
    event SnapshotFinalized(
        uint256 indexed epochId, uint256 epochEnd, string projectId, string snapshotCid, uint256 timestamp
    );
    /// @notice All snapshots of a batch became final.
    event SnapshotBatchFinalized(uint256 indexed epochId, string batchCid, uint256 timestamp);
    /// @notice The batch was refuted, or its completion failed; a corrected one may take over its projects.
    event TriggerBatchResubmission(uint256 indexed epochId, string batchCid, uint256 timestamp);
    /// @notice `validator` voted for another root than the final one.
    event ValidatorAttestationsInvalidated(
        uint256 indexed epochId, string batchCid, address validator, uint256 timestamp
    );

    uint256 private constant NUMBER_WIDTH = 16;

    /// @notice A validator's vote for a root. One vote per validator, epoch and batch, late ones included.
    /// Errors: E44, E01, E26 (no such batch in this epoch), E40 (already voted).
    function submitBatchAttestation(
        string calldata batchCid,
        uint256 epochId,
        bytes32 finalizedCidsRootHash,
        address _sender
    )
        external
        returns (bool SNAPSHOT_BATCH_ATTESTATION_SUBMITTED, bool TRIGGER_BATCH_RESUBMISSION, bool BATCH_FINALIZED)
    {
        IDataMarket.Outcome memory outcome = attest(batchCid, epochId, finalizedCidsRootHash, _sender);
        return (outcome.counted, outcome.resubmission, outcome.finalized);
    }

    /// @notice As `submitBatchAttestation`, with everything that the protocol state has to announce.
    function attest(string calldata batchCid, uint256 epochId, bytes32 root, address sender)
        public
        onlyProtocolState
        returns (IDataMarket.Outcome memory outcome)
    {
        RoleSet.Member storage member = self.validators.byAddress[sender];
        check(member.position != 0, "E01");
        uint256 batchNumber = _numberOf(_hash(batchCid), epochId);
        check(batchNumber != 0, "E26");
        Batch storage batch = self.batches[epochId][batchNumber];
        uint256 number = member.number;
        check(batch.voted.get(number, 1) == 0, "E40");
        batch.voted.set(number, 1, 1);

        if (_isLate(epochId, self.attestationWindow)) {
            emit DelayedAttestationSubmitted(batchCid, epochId, block.timestamp, sender);
            return outcome;
        }
        outcome.counted = true;
        uint256 votes = _count(batch, root, number);
        if (
            batch.flags & FINAL == 0 && 2 * votes > self.validators.members.length && batch.most >= self.minAttestations
        ) {
            _complete(batch, batchNumber, batchCid, epochId, outcome);
        }
        emit SnapshotBatchAttestationSubmitted(batchCid, epochId, block.timestamp, sender);
    }

    /// @notice Completes a batch after the attestation window without a majority: it becomes final if at least the
    /// minimum voted and the leading root is the sequencer's; otherwise it has to be sent again. A final batch stays as
    /// it is. Errors: E44, E03, E30 (no such epoch), E26 (no such batch in this epoch).
    function forceCompleteConsensusAttestations(string calldata batchCid, uint256 epochId, address _sender)
        external
        returns (bool TRIGGER_BATCH_RESUBMISSION, bool BATCH_FINALIZED)
    {
        IDataMarket.Outcome memory outcome = forceComplete(batchCid, epochId, _sender);
        return (outcome.resubmission, outcome.finalized);
    }

    /// @notice As `forceCompleteConsensusAttestations`, with everything that the protocol state has to announce.
    function forceComplete(string calldata batchCid, uint256 epochId, address sender)
        public
        onlyOwnerVia(sender)
        returns (IDataMarket.Outcome memory outcome)
    {
        check(self.epochs[epochId].releasedAt != 0, "E30");
        uint256 batchNumber = _numberOf(_hash(batchCid), epochId);
        check(batchNumber != 0, "E26");
        Batch storage batch = self.batches[epochId][batchNumber];
        if (batch.flags & FINAL != 0) return outcome;
        if (_mayComplete(batch, epochId)) _complete(batch, batchNumber, batchCid, epochId, outcome);
        else _askAgain(batch, batchCid, epochId, outcome);
    }

    /// @dev Counts a vote and keeps track of the leading root. Answers with the votes for this root.
    function _count(Batch storage batch, bytes32 root, uint256 number) private returns (uint256 votes) {
        uint8 leader = LEADER_SEQUENCER;
        if (root == _rootOf(batch)) {
            votes = ++batch.agreeing;
        } else {
            leader = LEADER_OTHER;
            votes = ++batch.divergentVotes[root];
            batch.divergentValidators.set(batch.divergent++, NUMBER_WIDTH, number);
        }
        if (votes < batch.most) return votes;
        // A root that draws level leaves nobody in the lead.
        if (votes == batch.most) leader = 0;
        else batch.most = uint16(votes);
        batch.flags = (batch.flags & ~(LEADER_SEQUENCER | LEADER_OTHER)) | leader;
        if (leader == LEADER_OTHER && batch.otherLeader != root) batch.otherLeader = root;
    }

    /// @dev The sequencer's root decides: leading, it makes the batch final; otherwise the batch is to be sent again.
    function _complete(
        Batch storage batch,
        uint256 batchNumber,
        string calldata batchCid,
        uint256 epochId,
        IDataMarket.Outcome memory outcome
    ) private {
        if (batch.flags & LEADER_SEQUENCER == 0) {
            _askAgain(batch, batchCid, epochId, outcome);
            return;
        }
        bool contested = batch.flags & REPLACEABLE != 0;
        batch.flags |= FINAL;
        batch.time = uint40(block.timestamp);
        outcome.finalized = true;

        outcome.divergent = _divergent(batch);
        for (uint256 i = 0; i < outcome.divergent.length; ++i) {
            emit ValidatorAttestationsInvalidated(epochId, batchCid, outcome.divergent[i], block.timestamp);
        }
        outcome.snapshots = _finalizeSnapshots(_entriesOf(batch), epochId, batchNumber, contested);
        emit SnapshotBatchFinalized(epochId, batchCid, block.timestamp);
    }

    function _askAgain(
        Batch storage batch,
        string calldata batchCid,
        uint256 epochId,
        IDataMarket.Outcome memory outcome
    ) private {
        batch.flags |= REPLACEABLE;
        outcome.resubmission = true;
        emit TriggerBatchResubmission(epochId, batchCid, block.timestamp);
    }

    /// @dev Announces each snapshot and answers with the data of the events, which the protocol state logs again as it
    /// is. `contested`: the batch was to be sent again in the meantime, so that another may hold some of its projects.
    function _finalizeSnapshots(bytes memory entries, uint256 epochId, uint256 batchNumber, bool contested)
        private
        returns (bytes[] memory snapshots)
    {
        snapshots = new bytes[](entries.length / ENTRY_LENGTH);
        uint256 count = 0;
        for (uint256 i = 0; i < snapshots.length; ++i) {
            (uint256 index, uint256 kind, bytes32 word) = _entryAt(entries, i);
            if (kind == Cid.EMPTY) continue;
            if (contested && self.entries[epochId].get(index, ENTRY_WIDTH) != (batchNumber << 16 | i)) continue;
            snapshots[count++] = _finalizeSnapshot(epochId, index, _unpackCid(kind, word));
        }
        assembly ("memory-safe") {
            mstore(snapshots, count)
        }
    }

    function _finalizeSnapshot(uint256 epochId, uint256 index, string memory snapshotCid)
        private
        returns (bytes memory data)
    {
        bytes memory name = _name(index);
        Project storage project = self.projects[keccak256(name)];
        if (epochId > project.lastFinalizedEpoch) project.lastFinalizedEpoch = uint64(epochId);
        data = abi.encode(self.epochs[epochId].end, name, snapshotCid, block.timestamp);
        bytes32 topic = SnapshotFinalized.selector;
        assembly ("memory-safe") {
            log2(add(data, 0x20), mload(data), topic, epochId)
        }
    }

    function _divergent(Batch storage batch) private view returns (address[] memory validators) {
        validators = new address[](batch.divergent);
        for (uint256 i = 0; i < validators.length; ++i) {
            validators[i] = self.validators.byNumber[batch.divergentValidators.get(i, NUMBER_WIDTH)];
        }
    }

    /// @dev Not final, window over, enough votes, and one root in the lead that says something.
    function _mayComplete(Batch storage batch, uint256 epochId) private view returns (bool) {
        return batch.flags & FINAL == 0 && _isLate(epochId, self.attestationWindow)
            && batch.most >= self.minAttestations && _leadingRoot(batch) != 0;
    }

    function _leadingRoot(Batch storage batch) private view returns (bytes32) {
        if (batch.flags & LEADER_SEQUENCER != 0) return _rootOf(batch);
        return batch.flags & LEADER_OTHER != 0 ? batch.otherLeader : bytes32(0);
    }

    /// @notice Whether `forceCompleteConsensusAttestations` would complete the batch instead of asking for another.
    function checkDynamicConsensusAttestations(string calldata batchCid, uint256 epochId) external view returns (bool) {
        uint256 number = _numberOf(_hash(batchCid), epochId);
        return number != 0 && _mayComplete(self.batches[epochId][number], epochId);
    }

    /// @notice Whether the batch is final.
    function batchCidAttestationStatus(string calldata batchCid) external view returns (bool) {
        return _latest(batchCid).flags & FINAL != 0;
    }

    /// @notice Whether the validator voted on the batch, in time or late.
    function attestationsReceived(string calldata batchCid, address validator) external view returns (bool) {
        return _latest(batchCid).voted.get(self.validators.byAddress[validator].number, 1) != 0;
    }

    /// @notice The same for a batch of a given epoch.
    function validatorAttestationsReceived(address validatorAddress, uint256 epochId, string calldata batchCid)
        external
        view
        returns (bool)
    {
        uint256 number = _numberOf(_hash(batchCid), epochId);
        return self.batches[epochId][number].voted.get(self.validators.byAddress[validatorAddress].number, 1) != 0;
    }

    /// @notice Votes in time for a root.
    function attestationsReceivedCount(string calldata batchCid, bytes32 finalizedCidsRootHash)
        external
        view
        returns (uint256 count)
    {
        Batch storage batch = _latest(batchCid);
        return finalizedCidsRootHash == _rootOf(batch) ? batch.agreeing : batch.divergentVotes[finalizedCidsRootHash];
    }

    /// @notice Votes for the most popular root.
    function maxAttestationsCount(string calldata batchCid) external view returns (uint256 count) {
        return _latest(batchCid).most;
    }

    /// @notice The root in the lead; zero before the first vote and when two are level.
    function maxAttestationFinalizedRootHash(string calldata batchCid)
        external
        view
        returns (bytes32 finalizedCidsRootHash)
    {
        return _leadingRoot(_latest(batchCid));
    }

    /// @notice One of the validators that voted for another root than the sequencer's, from 0, in order of voting.
    /// Reverts beyond the last.
    function batchCidDivergentValidators(string calldata batchCid, uint256 index)
        external
        view
        returns (address validators)
    {
        Batch storage batch = _latest(batchCid);
        require(index < batch.divergent);
        return self.validators.byNumber[batch.divergentValidators.get(index, NUMBER_WIDTH)];
    }

    /// @notice Number of such validators.
    function batchCidDivergentValidatorsLen(string calldata batchCid) external view returns (uint256) {
        return _latest(batchCid).divergent;
    }
}
