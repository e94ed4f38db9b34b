// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {Lanes} from "./Lanes.sol";
import {MarketDeskEvents} from "./MarketDeskEvents.sol";
import {MarketFront} from "./MarketFront.sol";
import {MarketRecords} from "./MarketRecords.sol";

/// @title Votes of validators on a batch's root
/// @notice A batch becomes final when more than half of the present validators, and at least the minimum, voted for the
/// root that the sequencer anchored. When a majority stands behind another root, the batch has to be sent again. Carried
/// out by `MarketVotes`, which is part of the desk.
abstract contract MarketConsensus is MarketFront, MarketRecords, MarketDeskEvents {
    using Lanes for mapping(uint256 => uint256);

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
        _toDesk();
    }

    /// @notice As `submitBatchAttestation`, with everything that the protocol state has to announce.
    function attest(string calldata batchCid, uint256 epochId, bytes32 root, address sender)
        external
        returns (IDataMarket.Outcome memory)
    {
        _toDesk();
    }

    /// @notice As `attest`, for the content that the validator saw. Errors: those, and `BatchContentDiffers`.
    function attestContent(string calldata batchCid, uint256 epochId, bytes32 root, bytes31 content, address sender)
        external
        returns (IDataMarket.Outcome memory)
    {
        _toDesk();
    }

    /// @notice Completes a batch after the attestation window without a majority: it becomes final if at least the
    /// minimum voted and the leading root is the sequencer's; otherwise it has to be sent again. A final batch, and one that
    /// is to be sent again already, stays as it is. Errors: E44, E03, E30 (no such epoch), E26 (no such batch in this epoch).
    function forceCompleteConsensusAttestations(string calldata batchCid, uint256 epochId, address _sender)
        external
        returns (bool TRIGGER_BATCH_RESUBMISSION, bool BATCH_FINALIZED)
    {
        _toDesk();
    }

    /// @notice As `forceCompleteConsensusAttestations`, with everything that the protocol state has to announce.
    function forceComplete(string calldata batchCid, uint256 epochId, address sender)
        external
        returns (IDataMarket.Outcome memory)
    {
        _toDesk();
    }

    /// @notice Whether `forceCompleteConsensusAttestations` would make the batch final.
    function checkDynamicConsensusAttestations(string calldata batchCid, uint256 epochId) external view returns (bool) {
        _askDesk();
    }

    /// @notice What an anchored batch says of which projects, as `attestContent` compares it: the first 31 bytes of the hash
    /// over each project's keccak256 and its CID's, in order; of a root-only batch, of the root over its projects. Zero when
    /// there is no such batch.
    function batchCidContentHash(string calldata batchCid, uint256 epochId) external view returns (bytes31) {
        _askDesk();
    }

    function _leadingRoot(Batch storage batch) private view returns (bytes32) {
        if (batch.flags & LEADER_SEQUENCER != 0) return _rootOf(batch);
        return batch.flags & LEADER_OTHER != 0 ? batch.otherLeader : bytes32(0);
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
        return self.validators.byNumber[batch.divergentValidators.get(index, VOTER_WIDTH)];
    }

    /// @notice Number of such validators.
    function batchCidDivergentValidatorsLen(string calldata batchCid) external view returns (uint256) {
        return _latest(batchCid).divergent;
    }
}
