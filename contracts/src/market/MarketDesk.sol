// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {ValueOutOfRange} from "../Errors.sol";
import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {IProtocolState} from "../interfaces/IProtocolState.sol";
import {SnapshotTree} from "../proof/SnapshotTree.sol";
import {Blob} from "./Blob.sol";
import {Lanes} from "./Lanes.sol";
import {MarketManifests} from "./MarketManifests.sol";
import {MarketRelease} from "./MarketRelease.sol";
import {MarketVotes} from "./MarketVotes.sol";
import {RoleSet} from "./RoleSet.sol";

/// @title The market's desk: setting up, settings, skips, votes, rewards, proofs
/// @notice One contract may have 24,576 bytes, and a market has more to say. What is neither a release nor a batch nor most of
/// the reading is therefore code of its own, run by the market through DELEGATECALL: state, events and caller are the
/// market's. The protocol state creates it, so that markets of one version share it and deploying a factory does not pay
/// for it. Called directly it knows no protocol state and refuses everything (E44).
contract MarketDesk is MarketVotes, MarketManifests, MarketRelease {
    using RoleSet for RoleSet.Set;
    using Lanes for mapping(uint256 => uint256);

    /// @dev By itself it is nobody's market.
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @dev See the market's function of this name.
    function initialize(
        address initialOwner,
        uint8 _epochSize,
        uint256 _sourceChainId,
        uint256 _sourceChainBlockTime,
        bool _useBlockNumberAsEpochId,
        address _protocolStateAddress
    ) external initializer {
        __Ownable_init(initialOwner);
        check(_epochSize != 0 && _sourceChainBlockTime != 0, "Invalid time parameters");
        check(!_useBlockNumberAsEpochId || _epochSize == 1, "E10");
        require(_sourceChainBlockTime <= DAY_LENGTH / _epochSize, "Invalid epochs in day calculation");

        self.protocolState = _protocolStateAddress;
        self.epochSize = _epochSize;
        self.useBlockNumberAsEpochId = _useBlockNumberAsEpochId;
        self.initialized = true;
        self.epochsInADay = uint64(DAY_LENGTH / (_sourceChainBlockTime * _epochSize));
        self.deploymentBlock = uint64(block.number);
        self.minAttestations = 2;
        self.sourceChainId = _sourceChainId;
        self.sourceChainBlockTime = _sourceChainBlockTime;
        self.dayCounter = 1;
        self.dailySnapshotQuota = 1000;
    }

    /// @dev See the market's function of this name.
    function forceSkipEpoch(uint256 begin, uint256 end, address _sender) external returns (bool, bool) {
        _checkReleaseVia();
        check(_sender == owner(), "E03");
        _checkRange(begin, end);
        uint256 lastEnd = self.currentEnd;
        check(end > lastEnd && (end - lastEnd) % self.epochSize == 0, "E21");
        uint256 lastId = self.currentId;
        uint256 epochId = self.useBlockNumberAsEpochId ? end : lastId + (end - lastEnd) / self.epochSize;
        return _release(begin, end, epochId, _isFirst(lastId));
    }

    /// @dev See the market's function of this name.
    function updateAddresses(
        IDataMarket.Role role,
        address[] calldata _addresses,
        bool[] calldata _status,
        address _sender
    ) external onlyOwnerVia(_sender) returns (bool changed) {
        check(_addresses.length == _status.length, "E19");
        RoleSet.Set storage set = role == IDataMarket.Role.VALIDATOR
            ? self.validators
            : role == IDataMarket.Role.SEQUENCER ? self.sequencers : self.admins;
        for (uint256 i = 0; i < _addresses.length; ++i) {
            (address account, bool allowed) = (_addresses[i], _status[i]);
            if (!set.put(account, allowed)) continue;
            changed = true;
            if (role == IDataMarket.Role.VALIDATOR) {
                self.removedValidators.set(set.byAddress[account].number, 1, allowed ? 0 : 1);
                emit ValidatorsUpdated(account, allowed);
            } else if (role == IDataMarket.Role.SEQUENCER) {
                emit SequencersUpdated(account, allowed);
            } else {
                emit AdminsUpdated(account, allowed);
            }
        }
    }

    /// @dev See the market's function of this name.
    function setSequencerId(string calldata _sequencerId, address _sender) external onlyProtocolState {
        check(_sender == owner() || self.admins.has(_sender), "E08");
        self.sequencerId = _sequencerId;
    }

    /// @dev See the market's function of this name.
    function updateMinAttestationsForConsensus(uint256 _minAttestationsForConsensus, address _sender)
        external
        onlyOwnerVia(_sender)
    {
        check(_minAttestationsForConsensus != 0, "E45");
        self.minAttestations = _toUint64(_minAttestationsForConsensus);
    }

    /// @dev See the market's function of this name.
    function updateSnapshotSubmissionWindow(uint256 newsnapshotSubmissionWindow, address _sender)
        external
        onlyOwnerVia(_sender)
    {
        check(newsnapshotSubmissionWindow != 0, "E45");
        check(self.batchWindow == 0 || newsnapshotSubmissionWindow < self.batchWindow, "E41");
        self.snapshotWindow = _toUint64(newsnapshotSubmissionWindow);
    }

    /// @dev See the market's function of this name.
    function updateBatchSubmissionWindow(uint256 newbatchSubmissionWindow, address _sender)
        external
        onlyOwnerVia(_sender)
    {
        check(newbatchSubmissionWindow != 0, "E45");
        check(newbatchSubmissionWindow > self.snapshotWindow, "E41");
        check(self.attestationWindow == 0 || newbatchSubmissionWindow < self.attestationWindow, "E42");
        self.batchWindow = _toUint64(newbatchSubmissionWindow);
    }

    /// @dev See the market's function of this name.
    function updateAttestationSubmissionWindow(uint256 newattestationSubmissionWindow, address _sender)
        external
        onlyOwnerVia(_sender)
    {
        check(self.batchWindow != 0 && newattestationSubmissionWindow > self.batchWindow, "E42");
        self.attestationWindow = _toUint64(newattestationSubmissionWindow);
    }

    /// @dev See the market's function of this name.
    function updateDailySnapshotQuota(uint256 _dailySnapshotQuota, address _sender) external onlyOwnerVia(_sender) {
        check(_dailySnapshotQuota != 0, "E45");
        self.dailySnapshotQuota = _dailySnapshotQuota;
    }

    /// @dev See the market's function of this name.
    function updateRewardPoolSize(uint256 newRewardPoolSize, address _sender) external onlyOwnerVia(_sender) {
        require(newRewardPoolSize <= type(uint128).max, ValueOutOfRange(newRewardPoolSize, type(uint128).max));
        self.rewardPoolSize = newRewardPoolSize;
    }

    /// @dev See the market's function of this name.
    function updateEpochManager(address _address, address _sender) external onlyOwnerVia(_sender) {
        check(_address != address(0), "E45");
        self.epochManager = _address;
    }

    /// @dev See the market's function of this name.
    function toggleRewards(address _sender) external onlyOwnerVia(_sender) {
        self.rewardsEnabled = !self.rewardsEnabled;
    }

    /// @dev See the market's function of this name.
    function setRootOnlyBatches(bool allowed, address _sender) external onlyOwnerVia(_sender) {
        self.rootOnlyAllowed = allowed;
    }

    /// @dev See the market's function of this name.
    function loadCurrentDay(uint256 _dayCounter, address _sender) external onlyOwnerVia(_sender) {
        self.dayCounter = _dayCounter;
    }

    /// @dev See the market's function of this name.
    function updateEligibleNodesForDay(uint256 day, uint256 eligibleNodes, address _sender)
        external
        onlySequencerVia(_sender)
    {
        _checkDay(day);
        _announce(day, eligibleNodes);
    }

    /// @dev See the market's function of this name.
    function updateRewards(uint256 slotId, uint256 submissions, uint256 day, address _sender)
        external
        onlySequencerVia(_sender)
        returns (bool)
    {
        _checkDay(day);
        address snapshotter = IProtocolState(self.protocolState).slotSnapshotterMapping(slotId);
        return _record(slotId, submissions, snapshotter, day) != IDataMarket.SlotOutcome.COUNTED;
    }

    /// @dev See the market's function of this name.
    function rewardSlots(
        uint256[] calldata slotIds,
        uint256[] calldata counts,
        address[] calldata snapshotters,
        uint256 day,
        uint256 eligible,
        address sender
    ) external onlySequencerVia(sender) returns (uint256 share, IDataMarket.SlotOutcome[] memory outcomes) {
        check(slotIds.length == counts.length && slotIds.length == snapshotters.length, "E19");
        _checkDay(day);
        if (eligible != 0) _announce(day, eligible);
        outcomes = new IDataMarket.SlotOutcome[](slotIds.length);
        for (uint256 i = 0; i < slotIds.length; ++i) {
            // Zero marks a slot without a living node: skipped, as if it had not been sent.
            if (slotIds[i] == 0) continue;
            outcomes[i] = _record(slotIds[i], counts[i], snapshotters[i], day);
        }
        share = self.rewardDays[day].share;
    }

    /// @dev See the market's function of this name.
    function loadSlotSubmissions(uint256 slotId, uint256 dayId, uint256 snapshotCount, address _sender)
        external
        onlyOwnerVia(_sender)
    {
        _setCount(slotId, dayId, snapshotCount, _slotDay(slotId, dayId) & SLOT_REWARDED);
    }

    function _checkDay(uint256 day) private view {
        uint256 today = self.dayCounter;
        check(day == today || (today != 0 && day == today - 1), "E38");
    }

    function _announce(uint256 day, uint256 eligible) private {
        RewardDay storage rewardDay = self.rewardDays[day];
        if (rewardDay.eligible == 0) {
            rewardDay.eligible = _toUint64(eligible);
            rewardDay.remaining = uint64(eligible);
        }
        check(rewardDay.eligible == 0 || rewardDay.remaining != 0, "E47");
    }

    function _record(uint256 slotId, uint256 count, address snapshotter, uint256 day)
        private
        returns (IDataMarket.SlotOutcome)
    {
        check(_slotDay(slotId, day) & SLOT_REWARDED == 0, "E48");
        if (count < self.dailySnapshotQuota) {
            _setCount(slotId, day, count, 0);
            return IDataMarket.SlotOutcome.COUNTED;
        }
        emit DailyTaskCompletedEvent(snapshotter, slotId, day, block.timestamp);
        RewardDay storage rewardDay = self.rewardDays[day];
        if (rewardDay.remaining == 0) {
            _setCount(slotId, day, count, 0);
            return IDataMarket.SlotOutcome.QUOTA_MET;
        }
        _setCount(slotId, day, count, SLOT_REWARDED);
        rewardDay.remaining -= 1;
        uint128 share = rewardDay.share;
        // Fixed by the first slot that is paid, not by the announcement: the pool may be set in between.
        if (share == 0) rewardDay.share = share = uint128(self.rewardPoolSize / rewardDay.eligible);
        self.slotPoints[slotId] += share;
        emit RewardsDistributedEvent(snapshotter, slotId, day, share, block.timestamp);
        return IDataMarket.SlotOutcome.REWARDED;
    }

    function _slotDay(uint256 slotId, uint256 day) private view returns (uint256) {
        return self.slotDays[day].get(slotId, SLOT_WIDTH);
    }

    function _setCount(uint256 slotId, uint256 day, uint256 count, uint256 rewarded) private {
        require(count <= SLOT_COUNT, ValueOutOfRange(count, SLOT_COUNT));
        self.slotDays[day].set(slotId, SLOT_WIDTH, count | rewarded);
    }

    /// @dev See the market's function of this name.
    function getSlotInfo(uint256 slotId) external view returns (IDataMarket.SlotInfo memory) {
        return IDataMarket.SlotInfo(
            slotId,
            IProtocolState(self.protocolState).slotSnapshotterMapping(slotId),
            self.slotPoints[slotId],
            _slotDay(slotId, self.dayCounter) & SLOT_COUNT
        );
    }

    /// @dev See the market's function of this name.
    function getBatchCidToProjects(string calldata batchCid) external view returns (string[] memory) {
        bytes memory entries = _entriesOf(_latest(batchCid));
        string[] memory projects = new string[](entries.length / ENTRY_LENGTH);
        for (uint256 i = 0; i < projects.length; ++i) {
            (uint256 index,,) = _entryAt(entries, i);
            projects[i] = string(_name(index));
        }
        return projects;
    }

    /// @dev See the market's function of this name.
    function batchCidToProjects(string calldata batchCid, uint256 position) external view returns (string memory) {
        bytes memory entries = _entriesOf(_latest(batchCid));
        require(position < entries.length / ENTRY_LENGTH);
        (uint256 index,,) = _entryAt(entries, position);
        return string(_name(index));
    }

    /// @dev See the market's function of this name.
    function batchCidProjectIdsRoot(string calldata batchCid, uint256 epochId) external view returns (bytes32) {
        Batch storage batch = self.batches[epochId][_numberOf(_hash(batchCid), epochId)];
        return batch.flags & ROOT_ONLY == 0 ? bytes32(0) : Blob.readWord(batch.blob, HEAD_LENGTH);
    }

    /// @dev See the market's function of this name.
    function verifySnapshot(IDataMarket.SnapshotProof calldata proof)
        external
        view
        returns (bool isIncluded, bool isFinal)
    {
        uint256 number = _numberOf(_hash(proof.batchCid), proof.epochId);
        if (number == 0) return (false, false);
        Batch storage batch = self.batches[proof.epochId][number];
        isIncluded = SnapshotTree.isLeaf(_rootOf(batch), proof.snapshotCid, proof.index, proof.cidSiblings)
            && _isProjectAt(batch, proof);
        isFinal = isIncluded && batch.flags & FINAL != 0 && _isHolder(batch, number, proof);
    }

    function _isProjectAt(Batch storage batch, IDataMarket.SnapshotProof calldata proof) private view returns (bool) {
        if (batch.flags & ROOT_ONLY != 0) {
            bytes32 projectsRoot = Blob.readWord(batch.blob, HEAD_LENGTH);
            return SnapshotTree.isLeaf(projectsRoot, proof.projectId, proof.index, proof.projectSiblings);
        }
        bytes memory entries = _entriesOf(batch);
        if (proof.index >= entries.length / ENTRY_LENGTH) return false;
        (uint256 index,,) = _entryAt(entries, proof.index);
        return index == self.projects[_hash(proof.projectId)].index;
    }

    /// @dev While a batch was to be sent again, another may have taken the project over; then that one speaks for it.
    function _isHolder(Batch storage batch, uint256 number, IDataMarket.SnapshotProof calldata proof)
        private
        view
        returns (bool)
    {
        if (batch.flags & ROOT_ONLY != 0) return true;
        uint256 index = self.projects[_hash(proof.projectId)].index;
        return self.entries[proof.epochId].get(index, ENTRY_WIDTH) == (number << 16 | proof.index);
    }
}
