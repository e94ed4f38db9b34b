// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MarketBatches} from "../src/market/MarketBatches.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Anchoring batches: `submitSubmissionBatch` and `endBatchSubmissions`.
contract BatchesTest is Base {
    string private constant PROJECT = "pairContract_trade_volume:0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc:UNISWAPV2";
    string private constant CID = "bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy";
    string private constant BATCH = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

    uint256 private epoch;

    function setUp() public override {
        super.setUp();
        epoch = _release();
    }

    function test_storesABatch() public {
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketBatches.SnapshotBatchSubmitted(BATCH, epoch, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotBatchSubmitted(address(market), BATCH, epoch, block.timestamp);
        _submit(BATCH, epoch, _list(PROJECT, "project1"), _list(CID, "QmTest123"));

        (uint8 status, string memory cid, uint256 time) = state.snapshotStatus(address(market), PROJECT, epoch);
        vm.assertEq(status, 0);
        vm.assertEq(cid, CID);
        vm.assertEq(time, block.timestamp);
        vm.assertEq(_cid("project1", epoch), "QmTest123");
        (cid, status) = state.maxSnapshotsCid(address(market), "project1", epoch);
        vm.assertEq(cid, "QmTest123");
        vm.assertEq(status, 0);
        vm.assertEq(state.projectFirstEpochId(address(market), PROJECT), epoch);
        vm.assertEq(state.lastSequencerFinalizedSnapshot(address(market), PROJECT), epoch);
        vm.assertEq(state.lastFinalizedSnapshot(address(market), PROJECT), 0);
        vm.assertEq(state.batchCidSequencerAttestation(address(market), BATCH), GOOD);
        vm.assertEq(state.epochIdToBatchCids(address(market), epoch)[0], BATCH);
        vm.assertEq(market.epochIdToBatchCids(epoch, 0), BATCH);
        string[] memory projects = state.batchCidToProjects(address(market), BATCH);
        vm.assertEq(projects.length, 2);
        vm.assertEq(projects[0], PROJECT);
        vm.assertEq(projects[1], "project1");
        vm.assertEq(market.batchCidToProjects(BATCH, 1), "project1");
        vm.assertEq(market.batchCidToProjectsLen(BATCH), 2);
    }

    function test_finalizesEverySnapshot() public {
        _submit(BATCH, epoch, _list(PROJECT, "project1"), _list(CID, "QmTest123"));
        _vote(v1, BATCH, epoch, GOOD);
        vm.assertEq(_status(PROJECT, epoch), 0);
        vm.warp(block.timestamp + 5);
        vm.recordLogs();
        _vote(v2, BATCH, epoch, GOOD);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(_count(logs, address(market), MarketFinalized), 2);
        vm.assertEq(_count(logs, address(state), ProtocolStateEvents.SnapshotFinalized.selector), 2);
        (uint8 status, string memory cid, uint256 time) = state.snapshotStatus(address(market), PROJECT, epoch);
        vm.assertEq(status, 1);
        vm.assertEq(cid, CID);
        vm.assertEq(time, block.timestamp);
        vm.assertTrue(state.batchCidAttestationStatus(address(market), BATCH));
        vm.assertEq(state.lastFinalizedSnapshot(address(market), "project1"), epoch);
    }

    bytes32 private constant MarketFinalized = keccak256("SnapshotFinalized(uint256,uint256,string,string,uint256)");
}
