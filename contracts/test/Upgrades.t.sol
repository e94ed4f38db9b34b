// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomNodes} from "../src/Nodes.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {Base} from "./Base.sol";

/// @dev The next versions: each has one more variable, behind all that was there.
contract ProtocolStateNext is PowerloomProtocolState {
    uint256 public added;

    function addOne() external {
        ++added;
    }
}

contract DataMarketNext is PowerloomDataMarket {
    uint256 public added;

    function addOne() external {
        ++added;
    }
}

contract NodesNext is PowerloomNodes {
    uint256 public added;

    function addOne() external {
        ++added;
    }
}

/// @dev After an upgrade every getter gives what it gave before. `test/contracts/layout.test.ts` sees to it that none is
/// missing here.
contract UpgradesTest is Base {
    address private immutable alice = _actor("alice");
    uint256 private constant VALUE = 1000 ether;

    address[] private targets;
    bytes[] private questions;

    function _ask(address target, bytes memory question) private {
        targets.push(target);
        questions.push(question);
    }

    /// @dev What all questions are answered with, failures included.
    function _answers() private returns (bytes[] memory answers) {
        answers = new bytes[](questions.length);
        for (uint256 i = 0; i < answers.length; ++i) {
            // `claimableNodeTokens` answers the node's owner alone.
            vm.prank(alice);
            (bool ok, bytes memory answer) = targets[i].staticcall(questions[i]);
            vm.assertTrue(ok, string.concat("question ", vm.toString(i)));
            answers[i] = answer;
        }
    }

    function _fillNodes() private {
        vm.deal(alice, 1000 ether);
        vm.deal(address(nodes), 10 * VALUE);
        address[] memory accounts = new address[](1);
        bool[] memory states = new bool[](1);
        (accounts[0], states[0]) = (stranger, true);
        vm.startPrank(owner);
        nodes.updateAdmins(accounts, states);
        nodes.setURI("ipfs://nodes");
        nodes.updateMaxSupply(1000);
        nodes.setSnapshotterAddressChangeCooldown(7);
        nodes.setSnapshotterTokenClaimCooldown(8);
        nodes.configureLegacyNodes(3, 250_000, 1, VALUE, 130, block.timestamp, 100 ether, 365 days);
        nodes.adminMintLegacyNodes(alice, 3, true);
        nodes.setMintStartTime(block.timestamp);
        vm.stopPrank();
        vm.startPrank(alice);
        nodes.mintNode{value: 2 ether}(2);
        nodes.setApprovalForAll(stranger, true);
        vm.warp(block.timestamp + 2 days);
        nodes.assignSnapshotterToNode(1, v1);
        nodes.assignSnapshotterToNode(4, v2);
        nodes.burnNode(3);
        vm.warp(block.timestamp + 30 days);
        nodes.claimNodeTokens(3);
        vm.warp(block.timestamp + 1 days);
        vm.stopPrank();
    }

    /// @dev A final batch, one with a divergent vote, one anchored by its roots, and a day of rewards.
    function _fillMarket() private {
        _grant(market, IDataMarket.Role.ADMIN, stranger);
        vm.startPrank(marketOwner);
        state.setSequencerId(address(market), "a sequencer with a name that is longer than a word");
        state.updateRewardPoolSize(address(market), 1 ether);
        state.updateDailySnapshotQuota(address(market), 5);
        state.toggleRewards(address(market));
        state.setRootOnlyBatches(address(market), true);
        state.setMarketManifest(address(market), "a manifest of epoch 1", 1);
        vm.stopPrank();
        uint256 epoch = _release();
        vm.prank(marketOwner);
        state.setMarketManifest(address(market), "a manifest of a later epoch", 9);
        _submitOne("QmOne", epoch, "project", "a CID of a kind of its own");
        _vote(v1, "QmOne", epoch, BAD);
        _vote(v2, "QmOne", epoch, GOOD);
        _vote(v3, "QmOne", epoch, GOOD);
        _submitOne("QmTwo", epoch, "another", "QmTest123");
        IDataMarket.RootBatch[] memory roots = new IDataMarket.RootBatch[](1);
        roots[0] = IDataMarket.RootBatch("QmRoots", GOOD, WORSE);
        vm.startPrank(sequencer);
        state.submitRootOnlyBatches(address(market), epoch, roots);
        state.endBatchSubmissions(address(market), epoch);
        state.updateRewards(address(market), _list(1), _list(5), 1, 2);
        vm.stopPrank();
    }

    function _fillState() private {
        vm.deal(address(state), 10 ether);
        vm.startPrank(owner);
        state.setRewardAllowance(address(market), true, 5 ether);
        state.setMarketCodeAllowed(v1, true);
        vm.stopPrank();
    }

    function _finish() private {
        vm.prank(alice);
        state.claimRewards(alice);
        vm.startPrank(owner);
        state.transferOwnership(stranger);
        nodes.transferOwnership(stranger);
        nodes.pause();
        vm.stopPrank();
    }

    function _askState(IDataMarket.SnapshotProof memory proof) private {
        _ask(address(state), abi.encodeCall(state.DAY_SIZE, (address(market))));
        _ask(address(state), abi.encodeCall(state.EPOCH_SIZE, (address(market))));
        _ask(address(state), abi.encodeCall(state.SOURCE_CHAIN_BLOCK_TIME, (address(market))));
        _ask(address(state), abi.encodeCall(state.SOURCE_CHAIN_ID, (address(market))));
        _ask(address(state), abi.encodeCall(state.USE_BLOCK_NUMBER_AS_EPOCH_ID, (address(market))));
        _ask(address(state), abi.encodeCall(state.allSnapshotters, (v1)));
        _ask(address(state), abi.encodeCall(state.attestationSubmissionWindow, (address(market))));
        _ask(address(state), abi.encodeCall(state.attestationsReceived, (address(market), "QmOne", v1)));
        _ask(address(state), abi.encodeCall(state.attestationsReceivedCount, (address(market), "QmOne", BAD)));
        _ask(address(state), abi.encodeCall(state.batchCidAttestationStatus, (address(market), "QmOne")));
        _ask(address(state), abi.encodeCall(state.batchCidContentHash, (address(market), "QmOne", 1)));
        _ask(address(state), abi.encodeCall(state.batchCidDivergentValidators, (address(market), "QmOne", 0)));
        _ask(address(state), abi.encodeCall(state.batchCidProjectIdsRoot, (address(market), "QmRoots", 1)));
        _ask(address(state), abi.encodeCall(state.batchCidSequencerAttestation, (address(market), "QmOne")));
        _ask(address(state), abi.encodeCall(state.batchCidToProjects, (address(market), "QmOne")));
        _ask(address(state), abi.encodeCall(state.batchSubmissionWindow, (address(market))));
        _ask(address(state), abi.encodeCall(state.checkDynamicConsensusAttestations, (address(market), "QmOne", 1)));
        _ask(address(state), abi.encodeCall(state.checkSlotTaskStatusForDay, (address(market), 1, 1)));
        _ask(address(state), abi.encodeCall(state.currentEpoch, (address(market))));
        _ask(address(state), abi.encodeCall(state.dailySnapshotQuota, (address(market))));
        _ask(address(state), abi.encodeCall(state.dataMarketCount, ()));
        _ask(address(state), abi.encodeCall(state.dataMarketEnabled, (address(market))));
        _ask(address(state), abi.encodeCall(state.dataMarketFactory, ()));
        _ask(address(state), abi.encodeCall(state.dataMarketIdToAddress, (1)));
        _ask(address(state), abi.encodeCall(state.dataMarkets, (address(market))));
        _ask(address(state), abi.encodeCall(state.dayCounter, (address(market))));
        _ask(address(state), abi.encodeCall(state.deploymentBlockNumber, (address(market))));
        _ask(address(state), abi.encodeCall(state.enabledNodeCount, ()));
        _ask(address(state), abi.encodeCall(state.epochIdToBatchCids, (address(market), 1)));
        _ask(address(state), abi.encodeCall(state.epochInfo, (address(market), 1)));
        _ask(address(state), abi.encodeCall(state.epochManager, (address(market))));
        _ask(address(state), abi.encodeCall(state.epochsInADay, (address(market))));
        _ask(address(state), abi.encodeCall(state.getEpochManager, (address(market))));
        _ask(address(state), abi.encodeCall(state.getSequencerId, (address(market))));
        _ask(address(state), abi.encodeCall(state.getSequencers, (address(market))));
        _ask(address(state), abi.encodeCall(state.getSlotInfo, (address(market), 1)));
        _ask(address(state), abi.encodeCall(state.getSlotRewards, (1)));
        _ask(address(state), abi.encodeCall(state.getTotalNodeCount, ()));
        _ask(address(state), abi.encodeCall(state.getTotalSequencersCount, (address(market))));
        _ask(address(state), abi.encodeCall(state.getTotalSnapshotterCount, ()));
        _ask(address(state), abi.encodeCall(state.getTotalValidatorsCount, (address(market))));
        _ask(address(state), abi.encodeCall(state.getValidators, (address(market))));
        _ask(address(state), abi.encodeCall(state.lastFinalizedSnapshot, (address(market), "project")));
        _ask(address(state), abi.encodeCall(state.lastSequencerFinalizedSnapshot, (address(market), "project")));
        _ask(address(state), abi.encodeCall(state.marketCodeAllowed, (v1)));
        _ask(address(state), abi.encodeCall(state.marketCodeRestricted, ()));
        _ask(address(state), abi.encodeCall(state.marketCredit, (address(market), alice)));
        _ask(address(state), abi.encodeCall(state.marketManifest, (address(market))));
        _ask(address(state), abi.encodeCall(state.marketManifestAt, (address(market), 1)));
        _ask(address(state), abi.encodeCall(state.maxAttestationFinalizedRootHash, (address(market), "QmOne")));
        _ask(address(state), abi.encodeCall(state.maxAttestationsCount, (address(market), "QmOne")));
        _ask(address(state), abi.encodeCall(state.maxSnapshotsCid, (address(market), "project", 1)));
        _ask(address(state), abi.encodeCall(state.minAttestationsForConsensus, (address(market))));
        _ask(address(state), abi.encodeCall(state.owner, ()));
        _ask(address(state), abi.encodeCall(state.pendingOwner, ()));
        _ask(address(state), abi.encodeCall(state.projectFirstEpochId, (address(market), "project")));
        _ask(address(state), abi.encodeCall(state.rewardAllowance, (address(market))));
        _ask(address(state), abi.encodeCall(state.rewardsGranted, ()));
        _ask(address(state), abi.encodeCall(state.rewardPoolSize, (address(market))));
        _ask(address(state), abi.encodeCall(state.rewardsEnabled, (address(market))));
        _ask(address(state), abi.encodeCall(state.slotRewardPoints, (address(market), 1)));
        _ask(address(state), abi.encodeCall(state.slotRewards, (1)));
        _ask(address(state), abi.encodeCall(state.slotSnapshotterMapping, (1)));
        _ask(address(state), abi.encodeCall(state.slotSubmissionCount, (address(market), 1, 1)));
        _ask(address(state), abi.encodeCall(state.snapshotStatus, (address(market), "project", 1)));
        _ask(address(state), abi.encodeCall(state.snapshotSubmissionWindow, (address(market))));
        _ask(address(state), abi.encodeCall(state.snapshotterState, ()));
        _ask(address(state), abi.encodeCall(state.userInfo, (alice)));
        _ask(address(state), abi.encodeCall(state.verifySnapshot, (address(market), proof)));
    }

    function _askMarket(IDataMarket.SnapshotProof memory proof) private {
        _ask(address(market), abi.encodeCall(market.DAY_SIZE, ()));
        _ask(address(market), abi.encodeCall(market.EPOCH_SIZE, ()));
        _ask(address(market), abi.encodeCall(market.SOURCE_CHAIN_BLOCK_TIME, ()));
        _ask(address(market), abi.encodeCall(market.SOURCE_CHAIN_ID, ()));
        _ask(address(market), abi.encodeCall(market.USE_BLOCK_NUMBER_AS_EPOCH_ID, ()));
        _ask(address(market), abi.encodeCall(market.attestationSubmissionWindow, ()));
        _ask(address(market), abi.encodeCall(market.attestationsReceived, ("QmOne", v1)));
        _ask(address(market), abi.encodeCall(market.attestationsReceivedCount, ("QmOne", BAD)));
        _ask(address(market), abi.encodeCall(market.batchCidAttestationStatus, ("QmOne")));
        _ask(address(market), abi.encodeCall(market.batchCidContentHash, ("QmOne", 1)));
        _ask(address(market), abi.encodeCall(market.batchCidDivergentValidators, ("QmOne", 0)));
        _ask(address(market), abi.encodeCall(market.batchCidDivergentValidatorsLen, ("QmOne")));
        _ask(address(market), abi.encodeCall(market.batchCidProjectIdsRoot, ("QmRoots", 1)));
        _ask(address(market), abi.encodeCall(market.batchCidSequencerAttestation, ("QmOne")));
        _ask(address(market), abi.encodeCall(market.batchCidToProjects, ("QmOne", 0)));
        _ask(address(market), abi.encodeCall(market.batchCidToProjectsLen, ("QmOne")));
        _ask(address(market), abi.encodeCall(market.batchSubmissionWindow, ()));
        _ask(address(market), abi.encodeCall(market.checkDynamicConsensusAttestations, ("QmOne", 1)));
        _ask(address(market), abi.encodeCall(market.checkSlotTaskStatusForDay, (1, 1)));
        _ask(address(market), abi.encodeCall(market.currentEpoch, ()));
        _ask(address(market), abi.encodeCall(market.dailySnapshotQuota, ()));
        _ask(address(market), abi.encodeCall(market.dayCounter, ()));
        _ask(address(market), abi.encodeCall(market.deploymentBlockNumber, ()));
        _ask(address(market), abi.encodeCall(market.eligibleNodesForDay, (1)));
        _ask(address(market), abi.encodeCall(market.epochIdCounter, ()));
        _ask(address(market), abi.encodeCall(market.epochIdToBatchCids, (1, 0)));
        _ask(address(market), abi.encodeCall(market.epochIdToBatchSubmissionsCompleted, (1)));
        _ask(address(market), abi.encodeCall(market.epochInfo, (1)));
        _ask(address(market), abi.encodeCall(market.epochManager, ()));
        _ask(address(market), abi.encodeCall(market.epochsInADay, ()));
        _ask(address(market), abi.encodeCall(market.getAdmins, ()));
        _ask(address(market), abi.encodeCall(market.getBatchCidToProjects, ("QmOne")));
        _ask(address(market), abi.encodeCall(market.getEpochIdToBatchCids, (1)));
        _ask(address(market), abi.encodeCall(market.getEpochManager, ()));
        _ask(address(market), abi.encodeCall(market.getSequencers, ()));
        _ask(address(market), abi.encodeCall(market.getSlotInfo, (1)));
        _ask(address(market), abi.encodeCall(market.getTotalSequencersCount, ()));
        _ask(address(market), abi.encodeCall(market.getTotalSnapshotterCount, ()));
        _ask(address(market), abi.encodeCall(market.getTotalValidatorsCount, ()));
        _ask(address(market), abi.encodeCall(market.getValidators, ()));
        _ask(address(market), abi.encodeCall(market.isAdmin, (stranger)));
        _ask(address(market), abi.encodeCall(market.isEpochManager, (manager)));
        _ask(address(market), abi.encodeCall(market.isInitialized, ()));
        _ask(address(market), abi.encodeCall(market.isOwner, (marketOwner)));
        _ask(address(market), abi.encodeCall(market.isOwnerOrAdmin, (stranger)));
        _ask(address(market), abi.encodeCall(market.isSequencer, (sequencer)));
        _ask(address(market), abi.encodeCall(market.isValidator, (v1)));
        _ask(address(market), abi.encodeCall(market.lastFinalizedSnapshot, ("project")));
        _ask(address(market), abi.encodeCall(market.lastSequencerFinalizedSnapshot, ("project")));
        _ask(address(market), abi.encodeCall(market.marketManifest, ()));
        _ask(address(market), abi.encodeCall(market.marketManifestAt, (1)));
        _ask(address(market), abi.encodeCall(market.maxAttestationFinalizedRootHash, ("QmOne")));
        _ask(address(market), abi.encodeCall(market.maxAttestationsCount, ("QmOne")));
        _ask(address(market), abi.encodeCall(market.maxSnapshotsCid, ("project", 1)));
        _ask(address(market), abi.encodeCall(market.minAttestationsForConsensus, ()));
        _ask(address(market), abi.encodeCall(market.owner, ()));
        _ask(address(market), abi.encodeCall(market.projectFirstEpochId, ("project")));
        _ask(address(market), abi.encodeCall(market.protocolState, ()));
        _ask(address(market), abi.encodeCall(market.rewardPoolSize, ()));
        _ask(address(market), abi.encodeCall(market.rewardsEnabled, ()));
        _ask(address(market), abi.encodeCall(market.rootOnlyBatchesAllowed, ()));
        _ask(address(market), abi.encodeCall(market.sequencerId, ()));
        _ask(address(market), abi.encodeCall(market.slotRewardPoints, (1)));
        _ask(address(market), abi.encodeCall(market.slotRewardsDistributedStatus, (1, 1)));
        _ask(address(market), abi.encodeCall(market.slotSubmissionCount, (1, 1)));
        _ask(address(market), abi.encodeCall(market.slotsRemainingToBeRewardedCount, (1)));
        _ask(address(market), abi.encodeCall(market.snapshotStatus, ("project", 1)));
        _ask(address(market), abi.encodeCall(market.snapshotSubmissionWindow, ()));
        _ask(address(market), abi.encodeCall(market.validatorAttestationsReceived, (v1, 1, "QmOne")));
        _ask(address(market), abi.encodeCall(market.verifySnapshot, (proof)));
    }

    function _askNodes() private {
        (address[] memory accounts, uint256[] memory ids) = (new address[](1), _list(1));
        accounts[0] = alice;
        _ask(address(nodes), abi.encodeCall(nodes.MAX_SUPPLY, ()));
        _ask(address(nodes), abi.encodeCall(nodes.allSnapshotters, (v1)));
        _ask(address(nodes), abi.encodeCall(nodes.balanceOf, (alice, 1)));
        _ask(address(nodes), abi.encodeCall(nodes.balanceOfBatch, (accounts, ids)));
        _ask(address(nodes), abi.encodeCall(nodes.claimableLegacyNodeTokens, (3)));
        _ask(address(nodes), abi.encodeCall(nodes.claimableNodeTokens, (3)));
        _ask(address(nodes), abi.encodeCall(nodes.enabledNodeCount, ()));
        _ask(address(nodes), abi.encodeCall(nodes.exists, (1)));
        _ask(address(nodes), abi.encodeCall(nodes.getAdmins, ()));
        _ask(address(nodes), abi.encodeCall(nodes.getAllUserNodeIds, (alice)));
        _ask(address(nodes), abi.encodeCall(nodes.getLegacyInitialClaim, ()));
        _ask(address(nodes), abi.encodeCall(nodes.getNodesOwned, (alice)));
        _ask(address(nodes), abi.encodeCall(nodes.getTotalSnapshotterCount, ()));
        _ask(address(nodes), abi.encodeCall(nodes.getUserBurnedNodeIds, (alice)));
        _ask(address(nodes), abi.encodeCall(nodes.getUserOwnedNodeIds, (alice)));
        _ask(address(nodes), abi.encodeCall(nodes.isApprovedForAll, (alice, stranger)));
        _ask(address(nodes), abi.encodeCall(nodes.isNodeAvailable, (4)));
        _ask(address(nodes), abi.encodeCall(nodes.isNodeBurned, (3)));
        _ask(address(nodes), abi.encodeCall(nodes.lastSnapshotterChange, (1)));
        _ask(address(nodes), abi.encodeCall(nodes.legacyNodeCliff, ()));
        _ask(address(nodes), abi.encodeCall(nodes.legacyNodeCount, ()));
        _ask(address(nodes), abi.encodeCall(nodes.legacyNodeInitialClaimPercentage, ()));
        _ask(address(nodes), abi.encodeCall(nodes.legacyNodeNonKycedCooldown, ()));
        _ask(address(nodes), abi.encodeCall(nodes.legacyNodeValue, ()));
        _ask(address(nodes), abi.encodeCall(nodes.legacyNodeVestingDays, ()));
        _ask(address(nodes), abi.encodeCall(nodes.legacyNodeVestingStart, ()));
        _ask(address(nodes), abi.encodeCall(nodes.legacyTokensSentOnL1, ()));
        _ask(address(nodes), abi.encodeCall(nodes.mintStartTime, ()));
        _ask(address(nodes), abi.encodeCall(nodes.name, ()));
        _ask(address(nodes), abi.encodeCall(nodes.nodeCount, ()));
        _ask(address(nodes), abi.encodeCall(nodes.nodeIdToOwner, (3)));
        _ask(address(nodes), abi.encodeCall(nodes.nodeIdToVestingInfo, (3)));
        _ask(address(nodes), abi.encodeCall(nodes.nodeInfo, (3)));
        _ask(address(nodes), abi.encodeCall(nodes.nodePrice, ()));
        _ask(address(nodes), abi.encodeCall(nodes.nodeSnapshotterMapping, (1)));
        _ask(address(nodes), abi.encodeCall(nodes.owner, ()));
        _ask(address(nodes), abi.encodeCall(nodes.paused, ()));
        _ask(address(nodes), abi.encodeCall(nodes.pendingOwner, ()));
        _ask(address(nodes), abi.encodeCall(nodes.snapshotterAddressChangeCooldown, ()));
        _ask(address(nodes), abi.encodeCall(nodes.snapshotterTokenClaimCooldown, ()));
        _ask(address(nodes), abi.encodeCall(nodes.supportsInterface, (0x01ffc9a7)));
        _ask(address(nodes), abi.encodeWithSignature("totalSupply()"));
        _ask(address(nodes), abi.encodeWithSignature("totalSupply(uint256)", 1));
        _ask(address(nodes), abi.encodeCall(nodes.uri, (1)));
        _ask(address(nodes), abi.encodeCall(nodes.vestedLegacyNodeTokens, ()));
    }

    function test_everyGetterAnswersAsBefore() public {
        _fillNodes();
        _fillState();
        _fillMarket();
        _finish();
        IDataMarket.SnapshotProof memory proof;
        (proof.batchCid, proof.epochId, proof.projectId, proof.snapshotCid) = ("QmOne", 1, "project", "x");
        _askState(proof);
        _askMarket(proof);
        _askNodes();
        bytes[] memory before = _answers();

        (address stateCode, address nodesCode) = (address(new ProtocolStateNext()), address(new NodesNext()));
        address marketCode = address(new DataMarketNext());
        vm.startPrank(owner);
        state.upgradeToAndCall(stateCode, abi.encodeCall(ProtocolStateNext.addOne, ()));
        nodes.upgradeToAndCall(nodesCode, abi.encodeCall(NodesNext.addOne, ()));
        vm.stopPrank();
        vm.prank(marketOwner);
        market.upgradeToAndCall(marketCode, abi.encodeCall(DataMarketNext.addOne, ()));

        // The new variables started at zero, and writing them changed nothing else.
        vm.assertEq(ProtocolStateNext(payable(address(state))).added(), 1);
        vm.assertEq(NodesNext(payable(address(nodes))).added(), 1);
        vm.assertEq(DataMarketNext(address(market)).added(), 1);
        bytes[] memory afterwards = _answers();
        for (uint256 i = 0; i < before.length; ++i) {
            vm.assertEq(afterwards[i], before[i]);
        }
    }
}
