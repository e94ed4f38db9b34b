// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {SnapshotConsumer} from "../src/examples/SnapshotConsumer.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {IMarketErrors} from "../src/interfaces/IMarketErrors.sol";
import {MarketBatches} from "../src/market/MarketBatches.sol";
import {SnapshotTree} from "../src/proof/SnapshotTree.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Batches anchored by roots alone, proofs, and a contract that lives on them.
contract RootsTest is Base {
    uint256 private epoch;

    function setUp() public override {
        super.setUp();
        epoch = _release();
        vm.prank(marketOwner);
        state.setRootOnlyBatches(address(market), true);
    }

    // ------------------------------------------------------------ a second implementation of the tree

    /// @dev Appends leaf by leaf, as sequencers do; published root of the result.
    function _root(string[] memory texts) private pure returns (bytes32) {
        bytes32[32] memory left;
        bytes32[33] memory zero;
        for (uint256 i = 0; i < 32; ++i) {
            zero[i + 1] = sha256(bytes.concat(zero[i], zero[i]));
        }
        bytes32 node;
        for (uint256 n = 0; n < texts.length; ++n) {
            node = sha256(bytes(texts[n]));
            for (uint256 level = 0; level < 32; ++level) {
                if (n >> level & 1 == 0) {
                    left[level] = node;
                    node = sha256(bytes.concat(node, zero[level]));
                } else {
                    node = sha256(bytes.concat(left[level], node));
                }
            }
        }
        return keccak256(bytes.concat(node));
    }

    /// @dev Level by level, with as few siblings as name the leaf.
    function _siblings(string[] memory texts, uint256 index) private pure returns (bytes32[] memory siblings) {
        uint256 height = 0;
        while (texts.length > 1 << height) ++height;
        siblings = new bytes32[](height);
        bytes32[] memory nodes = new bytes32[](1 << height);
        for (uint256 i = 0; i < texts.length; ++i) {
            nodes[i] = sha256(bytes(texts[i]));
        }
        for (uint256 level = 0; level < height; ++level) {
            siblings[level] = nodes[index >> level ^ 1];
            for (uint256 i = 0; i < nodes.length >> (level + 1); ++i) {
                nodes[i] = sha256(bytes.concat(nodes[2 * i], nodes[2 * i + 1]));
            }
        }
    }

    function _texts(uint256 count, string memory stem) private pure returns (string[] memory texts) {
        texts = new string[](count);
        for (uint256 i = 0; i < count; ++i) {
            texts[i] = string.concat(stem, vm.toString(i));
        }
    }

    function test_thePublishedVector() public pure {
        vm.assertEq(_root(_list("a")), 0x11c2aabbbd479c860fcf2ef671a8b9aa08efdaed6ad9008b42970873d55b4aaa);
        vm.assertTrue(
            SnapshotTree.isLeaf(
                0x11c2aabbbd479c860fcf2ef671a8b9aa08efdaed6ad9008b42970873d55b4aaa, "a", 0, new bytes32[](0)
            )
        );
    }

    function testFuzz_everyLeafIsProvenAndNoOther(uint8 countSeed, uint8 indexSeed, uint8 otherSeed) public pure {
        uint256 count = countSeed % 40 + 1;
        uint256 index = indexSeed % count;
        string[] memory texts = _texts(count, "cid");
        bytes32 root = _root(texts);
        bytes32[] memory siblings = _siblings(texts, index);
        vm.assertTrue(SnapshotTree.isLeaf(root, texts[index], index, siblings));
        uint256 other = otherSeed % 64;
        if (other != index) vm.assertFalse(SnapshotTree.isLeaf(root, texts[index], other, siblings));
        vm.assertFalse(SnapshotTree.isLeaf(root, "cid", index, siblings));
        if (siblings.length == 0) return;
        siblings[otherSeed % siblings.length] ^= bytes32(uint256(1));
        vm.assertFalse(SnapshotTree.isLeaf(root, texts[index], index, siblings));
    }

    function test_aProofIsNeverHigherThanTheTree() public pure {
        vm.assertFalse(SnapshotTree.isLeaf(_root(_list("a")), "a", 0, new bytes32[](33)));
        vm.assertFalse(SnapshotTree.isLeaf(_root(_list("a")), "a", 1, new bytes32[](0)));
    }

    // ------------------------------------------------------------ batches

    function _rootBatch(string memory batchCid, string[] memory projects, string[] memory cids)
        private
        pure
        returns (IDataMarket.RootBatch memory)
    {
        return IDataMarket.RootBatch(batchCid, _root(cids), _root(projects));
    }

    function _anchor(string memory batchCid, string[] memory projects, string[] memory cids) private {
        IDataMarket.RootBatch[] memory batches = new IDataMarket.RootBatch[](1);
        batches[0] = _rootBatch(batchCid, projects, cids);
        vm.prank(sequencer);
        state.submitRootOnlyBatches(address(market), epoch, batches);
    }

    function _proof(string memory batchCid, string[] memory projects, string[] memory cids, uint256 index)
        private
        view
        returns (IDataMarket.SnapshotProof memory)
    {
        return IDataMarket.SnapshotProof(
            batchCid, epoch, projects[index], cids[index], index, _siblings(projects, index), _siblings(cids, index)
        );
    }

    function test_severalBatchesInOneTransaction() public {
        IDataMarket.RootBatch[] memory batches = new IDataMarket.RootBatch[](2);
        batches[0] = _rootBatch("b1", _texts(3, "p"), _texts(3, "c"));
        batches[1] = _rootBatch("b2", _texts(2, "q"), _texts(2, "d"));
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketBatches.SnapshotBatchSubmitted("b1", epoch, block.timestamp);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketBatches.SnapshotBatchSubmitted("b2", epoch, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotBatchSubmitted(address(market), "b1", epoch, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotBatchSubmitted(address(market), "b2", epoch, block.timestamp);
        vm.prank(sequencer);
        state.submitRootOnlyBatches(address(market), epoch, batches);
        vm.assertEq(state.epochIdToBatchCids(address(market), epoch).length, 2);
        vm.assertEq(state.batchCidToProjects(address(market), "b2").length, 0);
        vm.assertEq(state.batchCidSequencerAttestation(address(market), "b2"), batches[1].finalizedCidsRootHash);
    }

    function test_votesAndProofs() public {
        (string[] memory projects, string[] memory cids) = (_texts(5, "p"), _texts(5, "c"));
        _anchor("b", projects, cids);
        IDataMarket.SnapshotProof memory proof = _proof("b", projects, cids, 3);
        (bool isIncluded, bool isFinal) = state.verifySnapshot(address(market), proof);
        vm.assertTrue(isIncluded && !isFinal);
        _vote(v1, "b", epoch, _root(cids));
        vm.recordLogs();
        _vote(v2, "b", epoch, _root(cids));
        // The batch is final; snapshots have no events, since the chain does not know them.
        vm.assertEq(vm.getRecordedLogs().length, 4);
        (isIncluded, isFinal) = state.verifySnapshot(address(market), proof);
        vm.assertTrue(isIncluded && isFinal);

        // A project does not get its neighbour's CID, nor one from another batch or epoch.
        proof.projectId = projects[2];
        _isNotIncluded(proof);
        proof = _proof("b", projects, cids, 3);
        proof.snapshotCid = cids[2];
        _isNotIncluded(proof);
        proof = _proof("b", projects, cids, 3);
        proof.batchCid = "other";
        _isNotIncluded(proof);
        proof = _proof("b", projects, cids, 3);
        proof.epochId = epoch + 1;
        _isNotIncluded(proof);
    }

    function _isNotIncluded(IDataMarket.SnapshotProof memory proof) private view {
        (bool isIncluded, bool isFinal) = market.verifySnapshot(proof);
        vm.assertFalse(isIncluded || isFinal);
    }

    function test_proofsAgainstAnOrdinaryBatch() public {
        (string[] memory projects, string[] memory cids) = (_texts(5, "p"), _texts(5, "c"));
        bytes32 root = _root(cids);
        vm.prank(sequencer);
        state.submitSubmissionBatch(address(market), "b", epoch, projects, cids, root);
        IDataMarket.SnapshotProof memory proof = _proof("b", projects, cids, 4);
        proof.projectSiblings = new bytes32[](0);
        (bool isIncluded,) = market.verifySnapshot(proof);
        vm.assertTrue(isIncluded);
        proof.projectId = projects[0];
        _isNotIncluded(proof);
        proof.projectId = "unknown";
        _isNotIncluded(proof);
        proof.index = 9;
        _isNotIncluded(proof);
    }

    function _refusesRoots(address sender, uint256 epochId, uint256 count, string memory reason) private {
        IDataMarket.RootBatch[] memory batches = new IDataMarket.RootBatch[](count);
        for (uint256 i = 0; i < count; ++i) {
            batches[i].batchCid = "b";
        }
        vm.prank(sender);
        _refuses(reason);
        state.submitRootOnlyBatches(address(market), epochId, batches);
    }

    function test_refusals() public {
        _refusesRoots(stranger, 99, 0, "E04");
        _refusesRoots(sequencer, epoch, 0, "E24");
        _refusesRoots(sequencer, epoch + 1, 1, "E30");
        _refusesRoots(sequencer, epoch, 2, "E25");
        vm.prank(stranger);
        _refuses("E03");
        state.setRootOnlyBatches(address(market), false);
        _refuses("E44");
        market.submitRootOnlyBatches(epoch, new IDataMarket.RootBatch[](1), sequencer);
        vm.prank(marketOwner);
        state.setRootOnlyBatches(address(market), false);
        vm.assertFalse(market.rootOnlyBatchesAllowed());
        vm.prank(sequencer);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.RootOnlyBatchesNotAllowed.selector));
        state.submitRootOnlyBatches(address(market), epoch, new IDataMarket.RootBatch[](1));
        vm.prank(marketOwner);
        state.setRootOnlyBatches(address(market), true);
        vm.prank(sequencer);
        state.endBatchSubmissions(address(market), epoch);
        _refusesRoots(sequencer, epoch, 1, "E43");
    }

    /// @dev A batch that was to be sent again became final after all, when another had taken one of its projects over.
    function test_aBatchSpeaksForTheProjectsThatItStillHolds() public {
        (string[] memory projects, string[] memory cids) = (_texts(2, "p"), _texts(2, "c"));
        bytes32 root = _root(cids);
        vm.prank(sequencer);
        state.submitSubmissionBatch(address(market), "first", epoch, projects, cids, root);
        vm.prank(marketOwner);
        state.forceCompleteConsensusAttestations(address(market), "first", epoch);
        _submitOne("second", epoch, projects[1], "new");
        _vote(v1, "first", epoch, root);
        _vote(v2, "first", epoch, root);
        (bool isIncluded, bool isFinal) = state.verifySnapshot(address(market), _proof("first", projects, cids, 0));
        vm.assertTrue(isIncluded && isFinal);
        (isIncluded, isFinal) = state.verifySnapshot(address(market), _proof("first", projects, cids, 1));
        vm.assertTrue(isIncluded);
        vm.assertFalse(isFinal);
        vm.assertEq(_cid(projects[1], epoch), "new");
    }

    function test_theRootOverTheProjectIds() public {
        (string[] memory projects, string[] memory cids) = (_texts(5, "p"), _texts(5, "c"));
        _anchor("b", projects, cids);
        vm.assertEq(state.batchCidProjectIdsRoot(address(market), "b", epoch), _root(projects));
        vm.assertEq(market.batchCidProjectIdsRoot("b", epoch), _root(projects));
        vm.assertEq(market.batchCidProjectIdsRoot("b", epoch + 1), 0);
        _submitOne("ordinary", epoch, "p", "c");
        vm.assertEq(market.batchCidProjectIdsRoot("ordinary", epoch), 0);
    }

    function test_tooLate() public {
        vm.roll(block.number + 21);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketBatches.DelayedBatchSubmitted("b", epoch, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.DelayedBatchSubmitted(address(market), "b", epoch, block.timestamp);
        _anchor("b", _texts(1, "p"), _texts(1, "c"));
        vm.assertEq(state.epochIdToBatchCids(address(market), epoch).length, 0);
    }

    function test_aContractThatLivesOnProofs() public {
        (string[] memory projects, string[] memory cids) = (_texts(5, "p"), _texts(5, "c"));
        _anchor("b", projects, cids);
        SnapshotConsumer consumer = new SnapshotConsumer(IDataMarket(address(market)), projects[1]);
        IDataMarket.SnapshotProof memory proof = _proof("b", projects, cids, 1);
        _refusesWith(abi.encodeWithSelector(SnapshotConsumer.NotFinal.selector));
        consumer.accept(proof);
        _vote(v1, "b", epoch, _root(cids));
        _vote(v2, "b", epoch, _root(cids));
        consumer.accept(proof);
        vm.assertEq(consumer.latestSnapshotCid(), cids[1]);
        vm.assertEq(consumer.latestEpochId(), epoch);
        _refusesWith(abi.encodeWithSelector(SnapshotConsumer.NotNewer.selector, epoch, epoch));
        consumer.accept(proof);
        proof = _proof("b", projects, cids, 2);
        _refusesWith(abi.encodeWithSelector(SnapshotConsumer.AnotherProject.selector));
        consumer.accept(proof);
    }
}

/// @dev Limits that the protocol's owner may set: what a market pays out, and what code it runs (W1c).
contract LimitsTest is Base {
    function setUp() public override {
        super.setUp();
        vm.deal(owner, 10 ether);
        vm.startPrank(owner);
        nodes.setMintStartTime(block.timestamp);
        nodes.mintNode{value: 3 ether}(3);
        vm.stopPrank();
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 300);
    }

    function test_aMarketPaysNoMoreThanItMay() public {
        vm.prank(stranger);
        _refusesStranger(stranger);
        state.setRewardAllowance(address(market), true, 150);
        vm.startPrank(owner);
        _refuses("E02");
        state.setRewardAllowance(stranger, true, 150);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.RewardAllowanceSet(address(market), true, 150);
        state.setRewardAllowance(address(market), true, 150);
        vm.stopPrank();
        vm.prank(sequencer);
        state.updateRewards(address(market), _list(1), _list(1000), 1, 3);
        (bool limited, uint256 left) = state.rewardAllowance(address(market));
        vm.assertTrue(limited);
        vm.assertEq(left, 150);
        vm.prank(sequencer);
        state.updateRewards(address(market), _list(2, 3), _list(1000, 1000), 1, 3);
        vm.assertEq(state.getSlotRewards(3), 100);
        vm.deal(address(state), 1000);
        uint256 before = owner.balance;
        state.claimRewards(owner);
        vm.assertEq(owner.balance, before + 150);
        _refusesWith(
            abi.encodeWithSelector(PowerloomProtocolState.RewardAllowanceUsedUp.selector, address(market), 150, 0)
        );
        state.claimRewards(owner);
        vm.prank(owner);
        state.setRewardAllowance(address(market), false, 0);
        state.claimRewards(owner);
        vm.assertEq(owner.balance, before + 300);
    }

    function test_aMarketRunsOnlyAllowedCode() public {
        PowerloomDataMarket code = new PowerloomDataMarket();
        vm.startPrank(stranger);
        _refusesStranger(stranger);
        state.setMarketCodeRestricted(true);
        _refusesStranger(stranger);
        state.setMarketCodeAllowed(address(code), true);
        vm.stopPrank();
        vm.prank(owner);
        state.setMarketCodeRestricted(true);
        vm.prank(marketOwner);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.MarketCodeNotAllowed.selector, address(code)));
        market.upgradeToAndCall(address(code), "");
        vm.prank(owner);
        state.setMarketCodeAllowed(address(code), true);
        vm.prank(marketOwner);
        market.upgradeToAndCall(address(code), "");
        vm.assertTrue(state.marketCodeRestricted());
        vm.assertTrue(state.marketCodeAllowed(address(code)));
        vm.assertFalse(state.marketCodeAllowed(stranger));
    }
}
