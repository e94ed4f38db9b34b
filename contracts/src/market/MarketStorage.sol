// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RoleSet} from "./RoleSet.sol";

/// @title Everything a data market remembers
/// @notice Slots are laid out by what one call reads together.
abstract contract MarketStorage {
    /// @dev An epoch by its id; `releasedAt` is 0 for one that was not released.
    struct Epoch {
        uint64 releasedAt;
        uint64 releaseBlock;
        uint64 end;
        // Batches are numbered 1 … batches.
        uint32 batches;
        bool submissionsCompleted;
        // Rounds of resubmission that were opened; the windows of round 0 count from the release.
        uint8 rounds;
        // The first batch of round 1: those before it have no use for the next slot.
        uint16 roundsFrom;
        // Per round from 1 on 80 bits: the number of its first batch (16), the block that its windows count from (64).
        uint240 roundStarts;
    }

    /// @dev What a project's name is looked up to. `index` counts projects from 1, in order of first appearance.
    struct Project {
        uint32 index;
        uint64 firstEpoch;
        uint64 lastSubmittedEpoch;
        uint64 lastFinalizedEpoch;
    }

    /// @dev The first slot carries all that a vote changes. Status and time of each snapshot are those of its batch.
    struct Batch {
        // Blob: sequencer's root, CID word, then 36 bytes per project: kind and index in 4, CID word in 32.
        address blob;
        // Time of submission, then of finalization.
        uint40 time;
        // Votes for the sequencer's root.
        uint16 agreeing;
        // Votes for the most popular root.
        uint16 most;
        uint16 divergent;
        // Bits 0-2: kind of the batch CID. Then the flags below.
        uint8 flags;
        // The leading root while `LEADER_OTHER`.
        bytes32 otherLeader;
        // One bit per validator number: voted, in time or late.
        mapping(uint256 word => uint256) voted;
        mapping(bytes32 root => uint256) divergentVotes;
        // 16-bit validator numbers in order of their votes.
        mapping(uint256 word => uint256) divergentValidators;
    }

    uint8 internal constant CID_KIND = 0x07;
    uint8 internal constant FINAL = 0x08;
    /// @dev A resubmission was asked for: until this batch is final after all, others may take over its projects.
    uint8 internal constant REPLACEABLE = 0x10;
    /// @dev The leading root is the sequencer's.
    uint8 internal constant LEADER_SEQUENCER = 0x20;
    /// @dev The leading root is another. Neither flag: no vote yet, or a tie.
    uint8 internal constant LEADER_OTHER = 0x40;
    /// @dev Anchored by CID and root alone; there is no list of projects.
    uint8 internal constant ROOT_ONLY = 0x80;

    /// @dev A slot's day in `slotDays`.
    uint256 internal constant SLOT_WIDTH = 64;
    uint256 internal constant SLOT_REWARDED = 1 << 63;
    uint256 internal constant SLOT_COUNT = SLOT_REWARDED - 1;

    /// @dev Where a batch is found; number 0 is none.
    struct BatchPointer {
        uint64 epochId;
        uint32 number;
    }

    /// @dev A day as it was announced: how many slots share the pool, and how many of them are still to be rewarded.
    struct RewardDay {
        uint64 eligible;
        uint64 remaining;
        // What each eligible slot gets: pool / eligible when the first of them was paid; 0 until then.
        uint128 share;
    }

    /// @dev What a market is about, from an epoch on.
    struct Manifest {
        uint64 fromEpoch;
        string cid;
    }

    /// @dev In the order of slots.
    struct Layout {
        // Read by every call.
        address protocolState;
        uint8 epochSize;
        bool useBlockNumberAsEpochId;
        bool rewardsEnabled;
        bool initialized;
        uint64 epochsInADay;
        // Read by releases.
        address epochManager;
        uint64 deploymentBlock;
        // Read by batches and votes.
        uint64 snapshotWindow;
        uint64 batchWindow;
        uint64 attestationWindow;
        uint64 minAttestations;
        // The epoch released last.
        uint64 currentBegin;
        uint64 currentEnd;
        uint64 currentId;
        uint32 projectCount;
        bool rootOnlyAllowed;
        uint256 sourceChainId;
        uint256 sourceChainBlockTime;
        uint256 dayCounter;
        uint256 dailySnapshotQuota;
        uint256 rewardPoolSize;
        string sequencerId;
        RoleSet.Set validators;
        RoleSet.Set sequencers;
        RoleSet.Set admins;
        mapping(uint256 epochId => Epoch) epochs;
        mapping(uint256 epochId => mapping(uint256 number => Batch)) batches;
        // Where a batch CID was anchored last, and the older epochs that anchored the same CID.
        mapping(bytes32 cidHash => BatchPointer) latestBatch;
        mapping(bytes32 cidHash => mapping(uint256 epochId => uint256 number)) earlierBatch;
        mapping(bytes32 nameHash => Project) projects;
        // Where the name of project `index` lies, 64 bits each: blob number (32), offset (16), length (16).
        mapping(uint256 word => uint256) names;
        address[] nameBlobs;
        // Per epoch and project index 32 bits: batch number (16), position in the batch (16).
        mapping(uint256 epochId => mapping(uint256 word => uint256)) entries;
        // Texts of CIDs of kind `OTHER`.
        mapping(bytes32 textHash => string) texts;
        // Per day and slot 64 bits: rewarded (1), snapshot count (63).
        mapping(uint256 dayId => mapping(uint256 word => uint256)) slotDays;
        mapping(uint256 slotId => uint256) slotPoints;
        mapping(uint256 dayId => RewardDay) rewardDays;
        // Where the code of `MarketDesk` lies.
        address desk;
        // One bit per validator number: held the role once, does not now.
        mapping(uint256 word => uint256) removedValidators;
        // In the order of the epochs that they begin with; only the last may not have begun.
        Manifest[] manifests;
    }

    /// @dev All of the market's state, from slot 0 on: the contracts inherited from OpenZeppelin keep theirs in places of
    /// their own (ERC-7201). Fields added later go to the end of `Layout`.
    Layout internal self;
}
