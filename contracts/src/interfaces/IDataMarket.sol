// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the protocol state asks of a data market, beyond calls it passes on unread
/// @notice Every state-changing function takes the original caller last and answers to the protocol state only (E44).
interface IDataMarket {
    /// @notice Who votes; who sends batches and rewards; who may name the sequencer besides the owner.
    enum Role {
        VALIDATOR,
        SEQUENCER,
        ADMIN
    }

    /// @notice What a vote or a forced completion did.
    struct Outcome {
        // The vote came inside its window and was counted.
        bool counted;
        // The leading root is not the sequencer's: the batch has to be sent again.
        bool resubmission;
        bool finalized;
        // Data of one `SnapshotFinalized` event each, ready to be logged again by the protocol state.
        bytes[] snapshots;
        // Validators whose votes went against the finalized root, in order of voting.
        address[] divergent;
    }

    /// @notice A batch of which only this is anchored; its file has everything else.
    struct RootBatch {
        string batchCid;
        // Published root of the tree of CIDs, which validators vote on.
        bytes32 finalizedCidsRootHash;
        // Published root of the tree of project ids, with the same indexes.
        bytes32 projectIdsRootHash;
    }

    /// @notice That a batch says `snapshotCid` for `projectId`. Siblings from the leaf upwards, empty subtrees left out.
    struct SnapshotProof {
        string batchCid;
        uint256 epochId;
        string projectId;
        string snapshotCid;
        uint256 index;
        bytes32[] projectSiblings;
        bytes32[] cidSiblings;
    }

    /// @notice A slot as services read it.
    struct SlotInfo {
        uint256 slotId;
        address snapshotterAddress;
        uint256 rewardPoints;
        uint256 currentDaySnapshotCount;
    }

    /// @notice What became of one slot's snapshot count.
    enum SlotOutcome {
        COUNTED,
        QUOTA_MET,
        REWARDED
    }

    /// @notice Grants or takes a role for each address. Errors: E03, E19.
    /// @return changed whether any address changed
    function updateAddresses(Role role, address[] calldata _addresses, bool[] calldata _status, address _sender)
        external
        returns (bool changed);

    /// @notice A validator's vote, with all that the protocol state has to announce. Errors: E01, E26, E40.
    function attest(string calldata batchCid, uint256 epochId, bytes32 root, address sender)
        external
        returns (Outcome memory);

    /// @notice The same for the content that the validator saw. Errors: E01, E26, `BatchContentDiffers`, E40.
    function attestContent(string calldata batchCid, uint256 epochId, bytes32 root, bytes31 content, address sender)
        external
        returns (Outcome memory);

    /// @notice Completes a batch without a majority, with all that has to be announced. Errors: E03, E26.
    function forceComplete(string calldata batchCid, uint256 epochId, address sender) external returns (Outcome memory);

    /// @notice Records the day's snapshot counts of many slots. Errors: E04, E19, E38, E47, E48.
    /// @param snapshotters of the slots, for the events
    /// @param eligible number of slots that share the day's pool; 0 when not known yet
    /// @return share of each rewarded slot
    /// @return outcomes one per slot
    function rewardSlots(
        uint256[] calldata slotIds,
        uint256[] calldata counts,
        address[] calldata snapshotters,
        uint256 day,
        uint256 eligible,
        address sender
    ) external returns (uint256 share, SlotOutcome[] memory outcomes);

    /// @notice Whether a batch says that a project got a CID, and whether that is final.
    function verifySnapshot(SnapshotProof calldata proof) external view returns (bool isIncluded, bool isFinal);

    /// @notice The epoch released last.
    function currentEpoch() external view returns (uint256 begin, uint256 end, uint256 epochId);

    /// @notice The current day, from 1.
    function dayCounter() external view returns (uint256);

    /// @notice Whether an address is a sequencer of the market.
    function isSequencer(address sequencerAddress) external view returns (bool);
}
