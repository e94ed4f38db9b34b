// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable2StepUpgradeable} from "@openzeppelin/contracts-upgradeable/access/Ownable2StepUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {check} from "./Check.sol";
import {OwnershipCannotBeRenounced} from "./Errors.sol";
import {IDataMarket} from "./interfaces/IDataMarket.sol";
import {IDataMarketFactory} from "./interfaces/IDataMarketFactory.sol";
import {INodes} from "./interfaces/INodes.sol";
import {IMarketErrors} from "./interfaces/IMarketErrors.sol";
import {IProtocolState} from "./interfaces/IProtocolState.sol";
import {MarketBatches} from "./market/MarketBatches.sol";
import {MarketDesk} from "./market/MarketDesk.sol";
import {MarketEpochs} from "./market/MarketEpochs.sol";
import {MarketRewards} from "./market/MarketRewards.sol";
import {MarketRoots} from "./market/MarketRoots.sol";
import {MarketSettings} from "./market/MarketSettings.sol";
import {MarketReads} from "./state/MarketReads.sol";
import {ProtocolStateEvents} from "./state/ProtocolStateEvents.sol";

/// @title The protocol state: one entry for all actors of all data markets
/// @notice Every function names its market first. Only markets created here are known (E02): a contract that merely looks
/// like a market can neither speak through this one nor credit rewards. The market decides who may do what; this contract
/// repeats its events with the market's address in front, so that one address tells everything.
contract PowerloomProtocolState is
    IProtocolState,
    IMarketErrors,
    MarketReads,
    ProtocolStateEvents,
    Ownable2StepUpgradeable,
    UUPSUpgradeable,
    ReentrancyGuardTransient
{
    /// @dev What is read on every call first.
    struct Market {
        address owner;
        uint8 epochSize;
        bool useBlockNumberAsEpochId;
        bool enabled;
        // 0 for an address that is no market.
        uint64 createdAt;
        uint256 sourceChainId;
        uint256 sourceChainBlockTime;
    }

    /// @dev What a market's credits may still be paid from in wei; `left` counts only while `limited`.
    struct Allowance {
        bool limited;
        uint128 left;
        // Of `dataMarketIdToAddress`.
        uint32 marketId;
    }

    /// @dev When rewards of a node owner last changed and were last paid.
    struct User {
        // In wei, from before credits were kept per market.
        uint128 totalRewards;
        uint128 totalClaimed;
        uint64 lastClaimed;
        uint64 lastUpdated;
        // The market that credited this user first of all latest; its credit names the one before, and so on.
        uint32 lastMarketId;
    }

    /// @dev What one market credited to a user, and how much of that was paid, in wei.
    struct Credit {
        uint128 total;
        uint128 paid;
        uint32 nextMarketId;
    }

    /// @notice Of what a market credited, `wanted` wei are unpaid, and of what it was granted only `left` are left.
    error RewardAllowanceUsedUp(address dataMarket, uint256 wanted, uint256 left);

    /// @notice The node registry.
    address public snapshotterState;
    /// @notice What creates the markets.
    address public dataMarketFactory;
    /// @notice Number of markets created.
    uint256 public dataMarketCount;
    /// @notice Markets by number, from 1.
    mapping(uint256 dataMarketId => address dataMarketAddress) public dataMarketIdToAddress;
    /// @notice Wei credited to a slot, over all markets.
    mapping(uint256 slotId => uint256) public slotRewards;
    mapping(address dataMarket => Market) private _markets;
    mapping(address user => User) private _users;
    mapping(address dataMarket => Allowance) private _allowances;
    mapping(address implementation => bool) private _allowedCode;
    /// @notice Whether markets may be upgraded to allowed code only.
    bool public marketCodeRestricted;
    /// @notice Wei that are granted to markets and not paid yet; what the balance has above them is for unlimited markets.
    uint256 public rewardsGranted;
    mapping(address dataMarket => mapping(address user => Credit)) private _credits;

    /// @inheritdoc IProtocolState
    /// @custom:oz-upgrades-unsafe-allow state-variable-immutable state-variable-assignment
    address public immutable marketDesk = address(new MarketDesk());

    /// @dev E02: not a market of this protocol.
    modifier known(address dataMarket) {
        _checkKnown(dataMarket);
        _;
    }

    /// @dev The implementation itself is never used.
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @notice Sets the proxy up. Errors: `OwnableInvalidOwner`, E45 (zero address).
    function initialize(address initialOwner, address _snapshotterState, address _dataMarketFactory)
        external
        initializer
    {
        __Ownable_init(initialOwner);
        __Ownable2Step_init();
        check(_snapshotterState != address(0) && _dataMarketFactory != address(0), "E45");
        snapshotterState = _snapshotterState;
        dataMarketFactory = _dataMarketFactory;
    }

    /// @notice Takes ether that rewards are paid from.
    receive() external payable {}

    // ---------------------------------------------------------------- the owner of the protocol

    /// @notice Creates a data market owned by `ownerAddress`. Block time in 10⁻⁴ seconds. Owner only. Errors: those of the
    /// market's `initialize`, "Failed to create DataMarket".
    function createDataMarket(
        address ownerAddress,
        uint8 epochSize,
        uint256 sourceChainId,
        uint256 sourceChainBlockTime,
        bool useBlockNumberAsEpochId
    ) external onlyOwner returns (address) {
        address market = IDataMarketFactory(dataMarketFactory)
            .createDataMarket(
                ownerAddress, epochSize, sourceChainId, sourceChainBlockTime, useBlockNumberAsEpochId, address(this)
            );
        check(market != address(0) && _markets[market].createdAt == 0, "Failed to create DataMarket");
        _markets[market] = Market(
            ownerAddress,
            epochSize,
            useBlockNumberAsEpochId,
            true,
            uint64(block.timestamp),
            sourceChainId,
            sourceChainBlockTime
        );
        dataMarketIdToAddress[++dataMarketCount] = market;
        // The owner of the protocol may take the balance anyway: a market of its own needs no grant.
        bool limited = ownerAddress != msg.sender;
        _allowances[market] = Allowance(limited, 0, uint32(dataMarketCount));
        emit RewardAllowanceSet(market, limited, 0);
        emit DataMarketCreated(
            ownerAddress, epochSize, sourceChainId, sourceChainBlockTime, useBlockNumberAsEpochId, address(this), market
        );
        return market;
    }

    /// @notice Enables a market, or disables it: then it releases no epochs and takes no batches and rewards; votes on what is
    /// anchored, settings and claims go on. Owner only. Errors: E02 (not a market).
    function toggleDataMarket(address dataMarketAddress, bool enabled) external onlyOwner known(dataMarketAddress) {
        _markets[dataMarketAddress].enabled = enabled;
    }

    /// @notice New markets come from this factory. Owner only. Errors: E45.
    function updateDataMarketFactory(address _address) external onlyOwner {
        check(_address != address(0), "E45");
        dataMarketFactory = _address;
    }

    /// @notice Nodes are looked up in this registry. Owner only. Errors: E45.
    function updateSnapshotterState(address _address) external onlyOwner {
        check(_address != address(0), "E45");
        snapshotterState = _address;
    }

    /// @notice Sends the whole balance to the owner. Owner only. Errors: "Failed to send funds".
    function emergencyWithdraw() external onlyOwner nonReentrant {
        uint256 amount = address(this).balance;
        (bool sent,) = msg.sender.call{value: amount}("");
        check(sent, "Failed to send funds");
        emit EmergencyWithdraw(msg.sender, amount);
    }

    /// @notice Grants a market `amount` wei of the balance, which its credits are paid from from now on, or all that is granted
    /// to no other (`limited` false). What was left of an earlier grant is taken back. A new market has none, but for those of
    /// the protocol's owner, which are not limited. Owner only. Errors: E02.
    function setRewardAllowance(address dataMarket, bool limited, uint128 amount) external onlyOwner known(dataMarket) {
        Allowance storage allowance = _allowances[dataMarket];
        if (allowance.limited) _takeBack(allowance.left);
        if (limited) rewardsGranted += amount;
        (allowance.limited, allowance.left) = (limited, amount);
        emit RewardAllowanceSet(dataMarket, limited, amount);
    }

    /// @notice Whether markets may be upgraded to allowed code only. Owner only.
    function setMarketCodeRestricted(bool restricted) external onlyOwner {
        marketCodeRestricted = restricted;
        emit MarketCodeRestricted(restricted);
    }

    /// @notice Allows code for markets, which matters once it is restricted. Owner only.
    function setMarketCodeAllowed(address implementation, bool allowed) external onlyOwner {
        _allowedCode[implementation] = allowed;
        emit MarketCodeAllowed(implementation, allowed);
    }

    /// @notice Always fails: without an owner no market could be created and no fault repaired.
    function renounceOwnership() public override onlyOwner {
        revert OwnershipCannotBeRenounced();
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}

    // ---------------------------------------------------------------- the owner of a market

    /// @notice Grants (`true`) or takes (`false`) a role for each address; an event for each change. Errors: E02, E03, E19.
    function updateAddresses(
        address dataMarket,
        IDataMarket.Role role,
        address[] calldata _addresses,
        bool[] calldata _status
    ) external known(dataMarket) {
        if (_addresses.length != _status.length || _addresses.length == 0) {
            // Refused by the market: the caller's right to ask comes before the length of the lists. Not passed on unread, as
            // lists that are empty here might not be there.
            IDataMarket(dataMarket).updateAddresses(role, _addresses, _status, msg.sender);
            return;
        }
        address[] memory account = new address[](1);
        bool[] memory allowed = new bool[](1);
        for (uint256 i = 0; i < _addresses.length; ++i) {
            (account[0], allowed[0]) = (_addresses[i], _status[i]);
            // One by one, so that the answer says which of them changed.
            if (!IDataMarket(dataMarket).updateAddresses(role, account, allowed, msg.sender)) continue;
            if (role == IDataMarket.Role.VALIDATOR) emit ValidatorsUpdated(dataMarket, account[0], allowed[0]);
            else if (role == IDataMarket.Role.SEQUENCER) emit SequencersUpdated(dataMarket, account[0], allowed[0]);
            else emit AdminsUpdated(dataMarket, account[0], allowed[0]);
        }
    }

    /// @notice Votes that the leading root needs at least. Errors: E02, E03, E45.
    function updateMinAttestationsForConsensus(address dataMarket, uint256 _minAttestationsForConsensus)
        external
        known(dataMarket)
    {
        _pass(dataMarket, MarketSettings.updateMinAttestationsForConsensus.selector, 2);
    }

    /// @notice Blocks after release in which snapshotters should submit. Errors: E02, E03, E45 (zero), E41 (not below the batch
    /// window, once that is set).
    function updateSnapshotSubmissionWindow(address dataMarket, uint256 newsnapshotSubmissionWindow)
        external
        known(dataMarket)
    {
        _pass(dataMarket, MarketSettings.updateSnapshotSubmissionWindow.selector, 2);
    }

    /// @notice Blocks after release in which batches are accepted, inclusive. Errors: E02, E03, E45 (zero), E41 (not above the
    /// snapshot window), E42 (not below the attestation window, once that is set).
    function updateBatchSubmissionWindow(address dataMarket, uint256 newbatchSubmissionWindow)
        external
        known(dataMarket)
    {
        _pass(dataMarket, MarketSettings.updateBatchSubmissionWindow.selector, 2);
    }

    /// @notice Blocks after release in which votes count, inclusive. Errors: E02, E03, E42 (not above the batch window, or that
    /// is not set).
    function updateAttestationSubmissionWindow(address dataMarket, uint256 newattestationSubmissionWindow)
        external
        known(dataMarket)
    {
        _pass(dataMarket, MarketSettings.updateAttestationSubmissionWindow.selector, 2);
    }

    /// @notice Snapshots a slot has to deliver on a day to share the pool. Errors: E02, E03, E45.
    function updateDailySnapshotQuota(address dataMarket, uint256 _dailySnapshotQuota) external known(dataMarket) {
        _pass(dataMarket, MarketSettings.updateDailySnapshotQuota.selector, 2);
    }

    /// @notice Wei shared by the eligible slots of each day. Errors: E02, E03.
    function updateRewardPoolSize(address dataMarket, uint256 newRewardPoolSize) external known(dataMarket) {
        _pass(dataMarket, MarketSettings.updateRewardPoolSize.selector, 2);
    }

    /// @notice The one address that releases epochs. Errors: E02, E03, E45.
    function updateEpochManager(address dataMarket, address _address) external known(dataMarket) {
        _pass(dataMarket, MarketSettings.updateEpochManager.selector, 2);
    }

    /// @notice Flips a flag that off-chain services read; no function depends on it. Errors: E02, E03.
    function toggleRewards(address dataMarket) external known(dataMarket) {
        _pass(dataMarket, MarketSettings.toggleRewards.selector, 1);
    }

    /// @notice Names the sequencer's network identity. Errors: E02, E08.
    function setSequencerId(address dataMarket, string calldata _sequencerId) external known(dataMarket) {
        _checkBehindHead(_sequencerId, 2);
        _pass(dataMarket, MarketSettings.setSequencerId.selector, 2);
    }

    /// @notice Lets sequencers anchor batches by their roots alone, or not. Errors: E02, E03.
    function setRootOnlyBatches(address dataMarket, bool allowed) external known(dataMarket) {
        _pass(dataMarket, MarketSettings.setRootOnlyBatches.selector, 2);
    }

    /// @notice Says what the market is about from an epoch on that is not released yet: the CID of its manifest. One that has
    /// not begun is replaced. Errors: E02, E08, E45 (no CID), `CidTooLong`, `EpochAlreadyReleased`.
    function setMarketManifest(address dataMarket, string calldata cid, uint256 fromEpochId)
        external
        known(dataMarket)
    {
        _checkBehindHead(cid, 3);
        _pass(dataMarket, MarketSettings.setMarketManifest.selector, 3);
        emit MarketManifestSet(dataMarket, cid, fromEpochId, block.timestamp);
    }

    /// @notice Sets the day counter, for migrations. Errors: E02, E03.
    function loadCurrentDay(address dataMarket, uint256 _dayCounter) external known(dataMarket) {
        _pass(dataMarket, MarketSettings.loadCurrentDay.selector, 2);
    }

    /// @notice Overwrites a slot's count of a day, for migrations. Errors: E02, E03.
    function loadSlotSubmissions(address dataMarket, uint256 slotId, uint256 dayId, uint256 snapshotCount)
        external
        known(dataMarket)
    {
        _pass(dataMarket, MarketRewards.loadSlotSubmissions.selector, 4);
    }

    // ---------------------------------------------------------------- epochs

    /// @notice Opens the epoch of the next blocks of the source chain. Epoch manager only.
    /// Errors: E02 (market unknown or disabled), E05, E20, E21, E22.
    function releaseEpoch(address dataMarket, uint256 begin, uint256 end) external {
        _checkEnabled(dataMarket);
        (, uint256 dayStarted) = _pass(dataMarket, MarketEpochs.releaseEpoch.selector, 3);
        _announceEpoch(dataMarket, begin, end, dayStarted != 0);
    }

    /// @notice Jumps forward to a later range. Market owner only. Errors: E02 (market unknown or disabled), E03, E20, E21.
    function forceSkipEpoch(address dataMarket, uint256 begin, uint256 end) external {
        _checkEnabled(dataMarket);
        (, uint256 dayStarted) = _pass(dataMarket, MarketEpochs.forceSkipEpoch.selector, 3);
        _announceEpoch(dataMarket, begin, end, dayStarted != 0);
    }

    function _announceEpoch(address dataMarket, uint256 begin, uint256 end, bool dayStarted) private {
        (,, uint256 epochId) = IDataMarket(dataMarket).currentEpoch();
        emit EpochReleased(dataMarket, epochId, begin, end, block.timestamp);
        if (dayStarted) emit DayStartedEvent(dataMarket, IDataMarket(dataMarket).dayCounter(), block.timestamp);
    }

    // ---------------------------------------------------------------- batches and votes

    /// @notice Anchors a batch. Sequencer only. Errors: E02 (market unknown or disabled), E04, E30, E23, E24, E43, E25; see the market.
    function submitSubmissionBatch(
        address dataMarket,
        string calldata batchCid,
        uint256 epochId,
        string[] calldata projectIds,
        string[] calldata snapshotCids,
        bytes32 finalizedCidsRootHash
    ) external {
        _checkEnabled(dataMarket);
        _checkBehindHead(batchCid, 6);
        _checkBehindHead(projectIds, 6);
        _checkBehindHead(snapshotCids, 6);
        (uint256 submitted,) = _pass(dataMarket, MarketBatches.submitSubmissionBatch.selector, 6);
        if (submitted != 0) emit SnapshotBatchSubmitted(dataMarket, batchCid, epochId, block.timestamp);
        else emit DelayedBatchSubmitted(dataMarket, batchCid, epochId, block.timestamp);
    }

    /// @notice Anchors several batches of an epoch by CID and roots alone, where the market allows it. Sequencer only.
    /// Errors: E02 (market unknown or disabled), E04, `RootOnlyBatchesNotAllowed`, E30, E24, E43, E25.
    function submitRootOnlyBatches(address dataMarket, uint256 epochId, IDataMarket.RootBatch[] calldata batches)
        external
    {
        _checkEnabled(dataMarket);
        _checkPlaces(batches);
        (uint256 submitted,) = _pass(dataMarket, MarketRoots.submitRootOnlyBatches.selector, 3);
        for (uint256 i = 0; i < batches.length; ++i) {
            if (submitted != 0) emit SnapshotBatchSubmitted(dataMarket, batches[i].batchCid, epochId, block.timestamp);
            else emit DelayedBatchSubmitted(dataMarket, batches[i].batchCid, epochId, block.timestamp);
        }
    }

    /// @dev List, elements and their CIDs lie where the market finds them.
    function _checkPlaces(IDataMarket.RootBatch[] calldata batches) private pure {
        uint256 place;
        assembly ("memory-safe") {
            place := batches.offset
        }
        _checkPlace(place - 0x20, 3);
        for (uint256 i = 0; i < batches.length; ++i) {
            IDataMarket.RootBatch calldata batch = batches[i];
            assembly ("memory-safe") {
                place := batch
            }
            _checkPlace(place, 3);
            _checkBehindHead(batch.batchCid, 3);
        }
    }

    /// @notice Declares that all batches of an epoch were sent. Sequencer only. Errors: E02, E04, E30, E39.
    function endBatchSubmissions(address dataMarket, uint256 epochId) external known(dataMarket) {
        _pass(dataMarket, MarketBatches.endBatchSubmissions.selector, 2);
        emit BatchSubmissionsCompleted(dataMarket, epochId, block.timestamp);
    }

    /// @notice A validator's vote for the root of a batch. Errors: E02, E01, E26, E40.
    function submitBatchAttestation(
        address dataMarket,
        string calldata batchCid,
        uint256 epochId,
        bytes32 finalizedCidsRootHash
    ) external known(dataMarket) {
        _announceVote(
            dataMarket,
            batchCid,
            epochId,
            IDataMarket(dataMarket).attest(batchCid, epochId, finalizedCidsRootHash, msg.sender)
        );
    }

    /// @notice The same vote for the content that the validator saw and no other: after a reorganisation, another batch may
    /// stand under the same names. `contentHash`: the first 31 bytes of the keccak256 over, for each project in order, the
    /// keccak256 of its id and the keccak256 of its CID; of a root-only batch, of the root over its projects.
    /// Errors: E02, E01, E26, `BatchContentDiffers`, E40.
    function submitContentAttestation(
        address dataMarket,
        string calldata batchCid,
        uint256 epochId,
        bytes32 finalizedCidsRootHash,
        bytes31 contentHash
    ) external known(dataMarket) {
        _announceVote(
            dataMarket,
            batchCid,
            epochId,
            IDataMarket(dataMarket).attestContent(batchCid, epochId, finalizedCidsRootHash, contentHash, msg.sender)
        );
    }

    function _announceVote(
        address dataMarket,
        string calldata batchCid,
        uint256 epochId,
        IDataMarket.Outcome memory outcome
    ) private {
        if (!outcome.counted) {
            emit DelayedAttestationSubmitted(dataMarket, batchCid, epochId, block.timestamp, msg.sender);
            return;
        }
        emit SnapshotBatchAttestationSubmitted(dataMarket, batchCid, epochId, block.timestamp, msg.sender);
        _announceOutcome(dataMarket, batchCid, epochId, outcome);
    }

    /// @notice Completes a batch after the attestation window without a majority, or asks for another. Market owner only.
    /// Errors: E02, E03, E30, E26.
    function forceCompleteConsensusAttestations(address dataMarket, string calldata batchCid, uint256 epochId)
        external
        known(dataMarket)
    {
        _announceOutcome(
            dataMarket, batchCid, epochId, IDataMarket(dataMarket).forceComplete(batchCid, epochId, msg.sender)
        );
    }

    function _announceOutcome(
        address dataMarket,
        string calldata batchCid,
        uint256 epochId,
        IDataMarket.Outcome memory outcome
    ) private {
        if (outcome.resubmission) {
            emit TriggerBatchResubmission(dataMarket, epochId, batchCid, block.timestamp);
        }
        if (!outcome.finalized) return;
        for (uint256 i = 0; i < outcome.divergent.length; ++i) {
            emit ValidatorAttestationsInvalidated(dataMarket, epochId, batchCid, outcome.divergent[i], block.timestamp);
        }
        bytes32 topic = SnapshotFinalized.selector;
        for (uint256 i = 0; i < outcome.snapshots.length; ++i) {
            // The market logged the same data; only the topics differ.
            bytes memory data = outcome.snapshots[i];
            assembly ("memory-safe") {
                log3(add(data, 0x20), mload(data), topic, dataMarket, epochId)
            }
        }
        emit SnapshotBatchFinalized(dataMarket, epochId, batchCid, block.timestamp);
    }

    // ---------------------------------------------------------------- rewards

    /// @notice Records the snapshots of slots on a day, and credits those that reached the quota once the day's number of
    /// eligible slots is known. Burned nodes and unknown slots are skipped. Sequencer only.
    /// Errors: E02 (market unknown or disabled), E04, E19, E38 (neither today nor yesterday), E47, E48.
    /// @param eligibleNodes number of slots that share the day's pool; the first number other than 0 counts
    function updateRewards(
        address dataMarket,
        uint256[] calldata slotIds,
        uint256[] calldata submissionsList,
        uint256 day,
        uint256 eligibleNodes
    ) external {
        _checkEnabled(dataMarket);
        (uint256[] memory living, address[] memory snapshotters) = _livingSlots(slotIds);
        (uint256 share, IDataMarket.SlotOutcome[] memory outcomes) =
            IDataMarket(dataMarket).rewardSlots(living, submissionsList, snapshotters, day, eligibleNodes, msg.sender);
        for (uint256 i = 0; i < outcomes.length; ++i) {
            if (outcomes[i] == IDataMarket.SlotOutcome.COUNTED) continue;
            emit DailyTaskCompletedEvent(dataMarket, snapshotters[i], slotIds[i], day, block.timestamp);
            if (outcomes[i] != IDataMarket.SlotOutcome.REWARDED) continue;
            uint256 amount = _credit(dataMarket, slotIds[i], share);
            emit RewardsDistributedEvent(dataMarket, snapshotters[i], slotIds[i], day, amount, block.timestamp);
        }
    }

    /// @dev The slots with zero in place of those without a living node, and the snapshotter of each.
    function _livingSlots(uint256[] calldata slotIds)
        private
        view
        returns (uint256[] memory living, address[] memory snapshotters)
    {
        INodes nodes = INodes(snapshotterState);
        living = new uint256[](slotIds.length);
        snapshotters = new address[](slotIds.length);
        for (uint256 i = 0; i < slotIds.length; ++i) {
            if (slotIds[i] == 0 || !nodes.isNodeAvailable(slotIds[i])) continue;
            living[i] = slotIds[i];
            snapshotters[i] = nodes.nodeSnapshotterMapping(slotIds[i]);
        }
    }

    /// @dev Rewards belong to the owner of the node, who may not be its snapshotter. Whatever a market says, nothing is refused
    /// and nothing of other markets is touched: what does not fit into the market's own credit is not credited. Answers
    /// with what is.
    function _credit(address dataMarket, uint256 slotId, uint256 share) private returns (uint256 amount) {
        address account = INodes(snapshotterState).nodeIdToOwner(slotId);
        Credit storage credit = _credits[dataMarket][account];
        User storage user = _users[account];
        user.lastUpdated = uint64(block.timestamp);
        uint256 total = credit.total;
        amount = type(uint128).max - total;
        if (share < amount) amount = share;
        if (amount == 0) return 0;
        if (total == 0) (credit.nextMarketId, user.lastMarketId) = (user.lastMarketId, _marketId(dataMarket));
        credit.total = uint128(total + amount);
        slotRewards[slotId] += amount;
    }

    function _marketId(address dataMarket) private returns (uint32 marketId) {
        marketId = _allowances[dataMarket].marketId;
        if (marketId != 0) return marketId;
        // Created before the allowance kept it.
        do {
            ++marketId;
        } while (dataMarketIdToAddress[marketId] != dataMarket);
        _allowances[dataMarket].marketId = marketId;
    }

    /// @notice Pays a user what markets credited and have the means for: a market that was granted too little pays what is left
    /// of that, and is left out afterwards. Anyone may call it; the money goes to the user.
    /// Errors: "No rewards to claim", `RewardAllowanceUsedUp` (there are some, and no market may pay them), "Failed to send
    /// rewards" (the balance does not suffice, or the user takes no ether).
    function claimRewards(address _user) external nonReentrant {
        User storage user = _users[_user];
        uint256 balance = address(this).balance;
        uint256 due = user.totalRewards - user.totalClaimed;
        uint256 amount = due <= _unreserved(balance) ? due : 0;
        user.totalClaimed += uint128(amount);
        address exhausted;
        for (uint256 marketId = user.lastMarketId; marketId != 0;) {
            address dataMarket = dataMarketIdToAddress[marketId];
            Credit storage credit = _credits[dataMarket][_user];
            uint256 unpaid = credit.total - credit.paid;
            uint256 paid = _draw(dataMarket, unpaid, balance - amount);
            credit.paid += uint128(paid);
            amount += paid;
            due += unpaid;
            if (unpaid != 0 && _isExhausted(dataMarket)) exhausted = dataMarket;
            marketId = credit.nextMarketId;
        }
        check(due != 0, "No rewards to claim");
        require(amount != 0 || exhausted == address(0), RewardAllowanceUsedUp(exhausted, due, 0));
        // Of what is due, none could be paid.
        check(amount != 0, "Failed to send rewards");
        user.lastClaimed = uint64(block.timestamp);
        (bool sent,) = _user.call{value: amount}("");
        check(sent, "Failed to send rewards");
        emit RewardsClaimed(_user, amount, block.timestamp);
    }

    /// @dev Takes up to `wanted` wei for a market's credits out of what it was granted; of an unlimited market, all or nothing out
    /// of what nobody was granted. `balance`: what is there to pay from.
    function _draw(address dataMarket, uint256 wanted, uint256 balance) private returns (uint256 amount) {
        Allowance storage allowance = _allowances[dataMarket];
        if (!allowance.limited) return wanted <= _unreserved(balance) ? wanted : 0;
        amount = wanted < allowance.left ? wanted : allowance.left;
        if (amount > balance) amount = balance;
        if (amount == 0) return 0;
        allowance.left -= uint128(amount);
        _takeBack(amount);
    }

    function _isExhausted(address dataMarket) private view returns (bool) {
        return _allowances[dataMarket].limited && _allowances[dataMarket].left == 0;
    }

    function _unreserved(uint256 balance) private view returns (uint256) {
        uint256 granted = rewardsGranted;
        return balance > granted ? balance - granted : 0;
    }

    /// @dev Not below zero: grants of earlier versions were not added up.
    function _takeBack(uint256 amount) private {
        uint256 granted = rewardsGranted;
        rewardsGranted = granted > amount ? granted - amount : 0;
    }

    // ---------------------------------------------------------------- reading

    /// @inheritdoc IProtocolState
    function dataMarketEnabled(address dataMarketAddress) external view returns (bool) {
        return _markets[dataMarketAddress].enabled;
    }

    /// @notice A market as it was created, and whether it is enabled; zeros for another address.
    function dataMarkets(address dataMarket)
        external
        view
        returns (
            address ownerAddress,
            uint8 epochSize,
            uint256 sourceChainId,
            uint256 sourceChainBlockTime,
            bool useBlockNumberAsEpochId,
            bool enabled,
            address dataMarketAddress,
            uint256 createdAt
        )
    {
        Market storage market = _markets[dataMarket];
        if (market.createdAt != 0) dataMarketAddress = dataMarket;
        (ownerAddress, epochSize) = (market.owner, market.epochSize);
        (sourceChainId, sourceChainBlockTime) = (market.sourceChainId, market.sourceChainBlockTime);
        (useBlockNumberAsEpochId, enabled) = (market.useBlockNumberAsEpochId, market.enabled);
        createdAt = market.createdAt;
    }

    /// @notice What a user was credited and paid in wei by all markets, and when last.
    function userInfo(address account)
        external
        view
        returns (uint256 totalRewards, uint256 totalClaimed, uint256 lastClaimed, uint256 lastUpdated)
    {
        User storage user = _users[account];
        (totalRewards, totalClaimed) = (user.totalRewards, user.totalClaimed);
        for (uint256 marketId = user.lastMarketId; marketId != 0;) {
            Credit storage credit = _credits[dataMarketIdToAddress[marketId]][account];
            totalRewards += credit.total;
            totalClaimed += credit.paid;
            marketId = credit.nextMarketId;
        }
        return (totalRewards, totalClaimed, user.lastClaimed, user.lastUpdated);
    }

    /// @notice What one market credited to a user and how much of that was paid, in wei.
    function marketCredit(address dataMarket, address account) external view returns (uint256 total, uint256 paid) {
        Credit storage credit = _credits[dataMarket][account];
        return (credit.total, credit.paid);
    }

    /// @inheritdoc IProtocolState
    function marketCodeAllowed(address implementation) external view returns (bool) {
        return !marketCodeRestricted || _allowedCode[implementation];
    }

    /// @notice What a market's credits may still be paid from in wei; when `limited` is false, all that is granted to no other.
    function rewardAllowance(address dataMarket) external view returns (bool limited, uint256 left) {
        return (_allowances[dataMarket].limited, _allowances[dataMarket].left);
    }

    /// @notice The root over the project ids of a batch that was anchored by its roots; zero for any other.
    function batchCidProjectIdsRoot(address dataMarket, string calldata batchCid, uint256 epochId)
        external
        view
        returns (bytes32)
    {
        _ask(dataMarket, MarketRoots.batchCidProjectIdsRoot.selector, 3, batchCid);
    }

    /// @notice Whether a batch says that a project got a CID, and whether that is final; see the market.
    function verifySnapshot(address dataMarket, IDataMarket.SnapshotProof calldata proof)
        external
        view
        returns (bool isIncluded, bool isFinal)
    {
        uint256 place;
        assembly ("memory-safe") {
            place := proof
        }
        _checkPlace(place, 2);
        _ask(dataMarket, MarketRoots.verifySnapshot.selector, 2);
    }

    /// @notice Wei credited to a slot, over all markets.
    function getSlotRewards(uint256 slotId) external view returns (uint256 rewards) {
        return slotRewards[slotId];
    }

    /// @notice Number of nodes ever minted.
    function getTotalNodeCount() external view returns (uint256) {
        return INodes(snapshotterState).nodeCount();
    }

    /// @inheritdoc IProtocolState
    function getTotalSnapshotterCount() external view returns (uint256) {
        return INodes(snapshotterState).getTotalSnapshotterCount();
    }

    /// @notice Number of nodes with a snapshotter assigned.
    function enabledNodeCount() external view returns (uint256) {
        return INodes(snapshotterState).enabledNodeCount();
    }

    /// @notice Whether the address is the snapshotter of at least one node.
    function allSnapshotters(address addr) external view returns (bool) {
        return INodes(snapshotterState).allSnapshotters(addr);
    }

    /// @inheritdoc IProtocolState
    function slotSnapshotterMapping(uint256 slotId) external view returns (address) {
        return INodes(snapshotterState).nodeSnapshotterMapping(slotId);
    }

    function _checkKnown(address dataMarket) private view {
        check(_markets[dataMarket].createdAt != 0, "E02");
    }

    function _checkEnabled(address dataMarket) private view {
        check(_markets[dataMarket].enabled, "E02");
    }
}
