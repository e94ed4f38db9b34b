// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {Cid} from "./Cid.sol";
import {Lanes} from "./Lanes.sol";
import {MarketDeskEvents} from "./MarketDeskEvents.sol";
import {MarketRecords} from "./MarketRecords.sol";
import {RoleSet} from "./RoleSet.sol";

/// @title How votes are counted and what they decide: the desk's part of `MarketConsensus`
abstract contract MarketVotes is MarketRecords, MarketDeskEvents {
    using Lanes for mapping(uint256 => uint256);
    using RoleSet for RoleSet.Set;

    /// @dev See the market's function of this name.
    function submitBatchAttestation(
        string calldata batchCid,
        uint256 epochId,
        bytes32 finalizedCidsRootHash,
        address _sender
    ) external returns (bool, bool, bool) {
        IDataMarket.Outcome memory outcome = attest(batchCid, epochId, finalizedCidsRootHash, _sender);
        return (outcome.counted, outcome.resubmission, outcome.finalized);
    }

    /// @dev See the market's function of this name.
    function attest(string calldata batchCid, uint256 epochId, bytes32 root, address sender)
        public
        onlyProtocolState
        returns (IDataMarket.Outcome memory)
    {
        (Batch storage batch, uint256 batchNumber, uint256 number) = _ballot(batchCid, epochId, sender);
        return _vote(batch, batchNumber, batchCid, epochId, root, number, sender);
    }

    /// @dev See the market's function of this name.
    function attestContent(string calldata batchCid, uint256 epochId, bytes32 root, bytes31 content, address sender)
        external
        onlyProtocolState
        returns (IDataMarket.Outcome memory)
    {
        (Batch storage batch, uint256 batchNumber, uint256 number) = _ballot(batchCid, epochId, sender);
        bytes31 anchored = _contentOf(batch);
        require(content == anchored, BatchContentDiffers(anchored));
        return _vote(batch, batchNumber, batchCid, epochId, root, number, sender);
    }

    /// @dev E01, E26: who votes on what.
    function _ballot(string calldata batchCid, uint256 epochId, address sender)
        private
        view
        returns (Batch storage batch, uint256 batchNumber, uint256 number)
    {
        RoleSet.Member storage member = self.validators.byAddress[sender];
        check(member.position != 0, "E01");
        batchNumber = _numberOf(_hash(batchCid), epochId);
        check(batchNumber != 0, "E26");
        return (self.batches[epochId][batchNumber], batchNumber, member.number);
    }

    function _vote(
        Batch storage batch,
        uint256 batchNumber,
        string calldata batchCid,
        uint256 epochId,
        bytes32 root,
        uint256 number,
        address sender
    ) private returns (IDataMarket.Outcome memory outcome) {
        check(batch.voted.get(number, 1) == 0, "E40");
        batch.voted.set(number, 1, 1);
        if (_isLate(self.epochs[epochId], batchNumber, self.attestationWindow)) {
            emit DelayedAttestationSubmitted(batchCid, epochId, block.timestamp, sender);
            return outcome;
        }
        outcome.counted = true;
        bool agrees = root == _rootOf(batch);
        uint256 votes = _count(batch, root, number, agrees);
        if (batch.flags & FINAL == 0 && _decides(votes)) {
            // Those who are validators no more make nothing final. What they said against it still asks for another batch.
            if (!agrees) {
                _askAgain(batch, batchNumber, batchCid, epochId, outcome);
            } else if (_decides(votes - _removedAgreeing(batch, votes))) {
                _finalize(batch, batchNumber, batchCid, epochId, outcome);
            }
        }
        emit SnapshotBatchAttestationSubmitted(batchCid, epochId, block.timestamp, sender);
    }

    function _decides(uint256 votes) private view returns (bool) {
        return 2 * votes > self.validators.members.length && votes >= self.minAttestations;
    }

    /// @dev See the market's function of this name.
    function forceCompleteConsensusAttestations(string calldata batchCid, uint256 epochId, address _sender)
        external
        returns (bool, bool)
    {
        IDataMarket.Outcome memory outcome = forceComplete(batchCid, epochId, _sender);
        return (outcome.resubmission, outcome.finalized);
    }

    /// @dev See the market's function of this name.
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
        if (_mayComplete(batch, batchNumber, epochId)) _finalize(batch, batchNumber, batchCid, epochId, outcome);
        else _askAgain(batch, batchNumber, batchCid, epochId, outcome);
    }

    /// @dev Counts a vote and keeps track of the leading root. Answers with the votes for this root.
    function _count(Batch storage batch, bytes32 root, uint256 number, bool agrees) private returns (uint256 votes) {
        uint8 leader = LEADER_SEQUENCER;
        if (agrees) {
            votes = ++batch.agreeing;
        } else {
            leader = LEADER_OTHER;
            votes = ++batch.divergentVotes[root];
            batch.divergentValidators.set(batch.divergent++, VOTER_WIDTH, number);
        }
        if (votes < batch.most) return votes;
        // A root that draws level leaves nobody in the lead.
        if (votes == batch.most) leader = 0;
        else batch.most = uint16(votes);
        batch.flags = (batch.flags & ~(LEADER_SEQUENCER | LEADER_OTHER)) | leader;
        if (leader == LEADER_OTHER && batch.otherLeader != root) batch.otherLeader = root;
    }

    /// @dev How many of the votes for the sequencer's root are of validators that were removed since, at most `agreeing`.
    function _removedAgreeing(Batch storage batch, uint256 agreeing) private view returns (uint256 count) {
        uint256 words = self.validators.numbersGiven / 256 + 1;
        for (uint256 word = 0; word < words; ++word) {
            uint256 gone = self.removedValidators[word];
            if (gone != 0) gone &= batch.voted[word];
            if (gone == 0) continue;
            for (uint256 i = 0; i < batch.divergent; ++i) {
                uint256 number = batch.divergentValidators.get(i, VOTER_WIDTH);
                if (number / 256 == word) gone &= ~(1 << (number % 256));
            }
            for (; gone != 0; gone &= gone - 1) {
                ++count;
            }
        }
        // A late vote, which is not told apart, may be among them when the window was made longer since.
        if (count > agreeing) count = agreeing;
    }

    function _finalize(
        Batch storage batch,
        uint256 batchNumber,
        string calldata batchCid,
        uint256 epochId,
        IDataMarket.Outcome memory outcome
    ) private {
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

    /// @dev Said once of a batch: whoever listens sends it again for each time that it hears it.
    function _askAgain(
        Batch storage batch,
        uint256 batchNumber,
        string calldata batchCid,
        uint256 epochId,
        IDataMarket.Outcome memory outcome
    ) private {
        if (batch.flags & REPLACEABLE != 0) return;
        batch.flags |= REPLACEABLE;
        outcome.resubmission = true;
        _openRound(self.epochs[epochId], batchNumber);
        emit TriggerBatchResubmission(epochId, batchCid, block.timestamp);
    }

    /// @dev Lets what has to be sent again be sent, and voted on, in windows that count from here. A batch of round r opens
    /// round r + 1, or moves the last round if that is there: so each round begins within an attestation window of one
    /// before it, and the last ends in a time known beforehand, whatever is voted.
    function _openRound(Epoch storage epoch, uint256 number) private {
        (uint256 round,) = _roundOf(epoch, number);
        uint256 last = epoch.rounds;
        // Completion by force has no window of its own.
        bool isOver = block.number > epoch.releaseBlock + (ROUNDS_MAX + 1) * uint256(self.attestationWindow);
        if (round == ROUNDS_MAX || isOver || epoch.batches == type(uint16).max) return;
        uint256 first = epoch.batches + 1;
        uint256 starts = epoch.roundStarts;
        if (last == 0) epoch.roundsFrom = uint16(first);
        if (round == last) epoch.rounds = uint8(++last);
        else first = uint16(starts >> (ROUND_WIDTH * (last - 1)));
        uint256 shift = ROUND_WIDTH * (last - 1);
        uint256 mask = ((1 << ROUND_WIDTH) - 1) << shift;
        epoch.roundStarts = uint240((starts & ~mask) | ((block.number << 16 | first) << shift));
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
            validators[i] = self.validators.byNumber[batch.divergentValidators.get(i, VOTER_WIDTH)];
        }
    }

    /// @dev Not final, window over, enough votes, and the sequencer's root, which says something, in the lead.
    function _mayComplete(Batch storage batch, uint256 batchNumber, uint256 epochId) private view returns (bool) {
        return batch.flags & (FINAL | LEADER_SEQUENCER) == LEADER_SEQUENCER
            && _isLate(self.epochs[epochId], batchNumber, self.attestationWindow) && batch.most >= self.minAttestations
            && _rootOf(batch) != 0;
    }

    /// @dev See the market's function of this name.
    function checkDynamicConsensusAttestations(string calldata batchCid, uint256 epochId) external view returns (bool) {
        uint256 number = _numberOf(_hash(batchCid), epochId);
        return number != 0 && _mayComplete(self.batches[epochId][number], number, epochId);
    }

    /// @dev See the market's function of this name.
    function batchCidContentHash(string calldata batchCid, uint256 epochId) external view returns (bytes31) {
        uint256 number = _numberOf(_hash(batchCid), epochId);
        return number == 0 ? bytes31(0) : _contentOf(self.batches[epochId][number]);
    }
}
