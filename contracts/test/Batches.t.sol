// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {IMarketErrors} from "../src/interfaces/IMarketErrors.sol";
import {MarketBatches} from "../src/market/MarketBatches.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {MarketCalls} from "../src/state/MarketCalls.sol";
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

    // ------------------------------------------------------------ refusals

    function test_theRoleComesBeforeEverythingElse() public {
        string[] memory none = new string[](0);
        vm.startPrank(stranger);
        _refuses("E04");
        state.submitSubmissionBatch(address(market), "b", 99, none, _list("c"), GOOD);
        _refuses("E04");
        state.endBatchSubmissions(address(market), 99);
        vm.stopPrank();
    }

    function test_onlyTheProtocolStateMayCall() public {
        vm.startPrank(sequencer);
        _refuses("E44");
        market.submitSubmissionBatch("b", epoch, _list("p"), _list("c"), GOOD, sequencer);
        // W2: this one was open to anyone who named a sequencer.
        _refuses("E44");
        market.endBatchSubmissions(epoch, sequencer);
        vm.stopPrank();
    }

    function test_anEpochThatWasNotReleased() public {
        vm.startPrank(sequencer);
        _refuses("E30");
        state.submitSubmissionBatch(address(market), "b", epoch + 1, _list("p"), _list("c"), GOOD);
        _refuses("E30");
        state.endBatchSubmissions(address(market), epoch + 1);
        vm.stopPrank();
    }

    function test_lengths() public {
        string[] memory none = new string[](0);
        vm.startPrank(sequencer);
        _refuses("E23");
        state.submitSubmissionBatch(address(market), "b", epoch, _list("p", "q"), _list("c"), GOOD);
        _refuses("E24");
        state.submitSubmissionBatch(address(market), "b", epoch, none, none, GOOD);
        // W8: also when it is too late to store anything.
        vm.roll(block.number + 21);
        _refuses("E23");
        state.submitSubmissionBatch(address(market), "b", epoch, _list("p", "q"), _list("c"), GOOD);
        vm.stopPrank();
    }

    function _refusesE25(string memory batchCid, string[] memory projects, string[] memory cids) private {
        vm.prank(sequencer);
        _refuses("E25");
        state.submitSubmissionBatch(address(market), batchCid, epoch, projects, cids, GOOD);
    }

    function test_oneSnapshotPerProjectAndEpoch() public {
        _submit(BATCH, epoch, _list("p", "q"), _list("c", "d"));
        // The same again, an overlap, and twice within one batch; nothing of a refused batch stays.
        _refusesE25(BATCH, _list("p", "q"), _list("c", "d"));
        _refusesE25("other", _list("r", "q"), _list("c", "d"));
        _refusesE25("other", _list("r", "r"), _list("c", "d"));
        vm.assertEq(_cid("r", epoch), "");
        vm.assertEq(state.projectFirstEpochId(address(market), "r"), 0);
        vm.assertEq(state.epochIdToBatchCids(address(market), epoch).length, 1);
        // W4: one CID is one batch within an epoch.
        _refusesE25(BATCH, _list("r"), _list("c"));
        uint256 next = _release();
        _submit(BATCH, next, _list("p", "q"), _list("c", "d"));
        vm.assertEq(state.projectFirstEpochId(address(market), "p"), epoch);
        vm.assertEq(state.lastSequencerFinalizedSnapshot(address(market), "p"), next);
    }

    function test_anEmptyCidDoesNotBlockTheProject() public {
        _submit(BATCH, epoch, _list("p", "q"), _list("", "d"));
        vm.assertEq(_cid("p", epoch), "");
        vm.assertEq(market.batchCidToProjectsLen(BATCH), 2);
        _submitOne("other", epoch, "p", "c");
        _vote(v1, BATCH, epoch, GOOD);
        vm.recordLogs();
        _vote(v2, BATCH, epoch, GOOD);
        vm.assertEq(_count(vm.getRecordedLogs(), address(market), MarketFinalized), 1);
        vm.assertEq(_status("p", epoch), 0);
        vm.assertEq(_status("q", epoch), 1);
    }

    // ------------------------------------------------------------ windows

    function test_theWindowIsInclusive() public {
        vm.roll(block.number + 20);
        _submitOne("in time", epoch, "p", "c");
        vm.assertEq(_cid("p", epoch), "c");
        vm.roll(block.number + 1);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketBatches.DelayedBatchSubmitted("late", epoch, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.DelayedBatchSubmitted(address(market), "late", epoch, block.timestamp);
        _submitOne("late", epoch, "q", "c");
        vm.assertEq(_cid("q", epoch), "");
        vm.assertEq(state.epochIdToBatchCids(address(market), epoch).length, 1);
        vm.assertEq(state.batchCidToProjects(address(market), "late").length, 0);
        vm.assertEq(state.batchCidSequencerAttestation(address(market), "late"), bytes32(0));
        vm.prank(v1);
        _refuses("E26");
        state.submitBatchAttestation(address(market), "late", epoch, GOOD);
    }

    function test_afterTheEndThereAreNoMoreBatches() public {
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketBatches.BatchSubmissionsCompleted(epoch, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.BatchSubmissionsCompleted(address(market), epoch, block.timestamp);
        vm.prank(sequencer);
        state.endBatchSubmissions(address(market), epoch);
        vm.assertTrue(market.epochIdToBatchSubmissionsCompleted(epoch));
        vm.startPrank(sequencer);
        _refuses("E39");
        state.endBatchSubmissions(address(market), epoch);
        _refuses("E43");
        state.submitSubmissionBatch(address(market), "b", epoch, _list("p"), _list("c"), GOOD);
        vm.stopPrank();
    }

    // ------------------------------------------------------------ sizes

    function _many(uint256 count, string memory stem) private pure returns (string[] memory list) {
        list = new string[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = string.concat(stem, vm.toString(i));
        }
    }

    /// @dev 680 names of 80 characters fill three blobs.
    function test_theLargestBatch() public {
        string[] memory projects = _many(680, PROJECT);
        string[] memory cids = _many(680, "c");
        for (uint256 i = 0; i < 680; ++i) {
            cids[i] = CID;
        }
        _submit(BATCH, epoch, projects, cids);
        string[] memory stored = state.batchCidToProjects(address(market), BATCH);
        vm.assertEq(stored.length, 680);
        vm.assertEq(stored[0], projects[0]);
        vm.assertEq(stored[305], projects[305]);
        vm.assertEq(stored[679], projects[679]);
        _vote(v1, BATCH, epoch, GOOD);
        _vote(v2, BATCH, epoch, GOOD);
        vm.assertEq(_status(projects[679], epoch), 1);

        vm.prank(sequencer);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.TooManyProjects.selector, 681, 680));
        state.submitSubmissionBatch(address(market), "b", epoch, _many(681, "x"), _many(681, "y"), GOOD);
    }

    /// @dev W11: whatever is accepted can be finalized in a block of 30 million gas; the dearest that a batch may say: as many
    /// projects as fit, the longest names, the longest CIDs of a kind that is stored as text. Said before, they cost the
    /// sequencer next to nothing, which is why submitting is no bound for finalizing.
    function test_theDearestBatchCanBeFinalized() public {
        string[] memory projects = _many(680, string(new bytes(253)));
        string[] memory cids = _many(680, string(new bytes(125)));
        _submit(BATCH, epoch, projects, cids);
        uint256 next = _release();
        string memory batchCid = string(new bytes(128));
        _submit(batchCid, next, projects, cids);
        for (uint256 i = 0; i < 100; ++i) {
            _grant(market, IDataMarket.Role.VALIDATOR, address(uint160(0xabcd00 + i)));
        }
        // Of 103 validators 40 are announced as divergent; the one that makes the majority pays for everything.
        for (uint256 i = 0; i < 91; ++i) {
            _vote(address(uint160(0xabcd00 + i)), batchCid, next, i < 40 ? BAD : GOOD);
        }
        vm.assertEq(_status(projects[679], next), 0);
        vm.cool(address(market));
        vm.cool(address(state));
        uint256 gasBefore = gasleft();
        _vote(v1, batchCid, next, GOOD);
        vm.assertLt(gasBefore - gasleft() + 30_000, 30_000_000);
        vm.assertEq(_status(projects[679], next), 1);
    }

    /// @dev An offset into the head means another word at the market, where the head has no market's address in front.
    function test_argumentsThatOverlap() public {
        bytes memory data = abi.encodeCall(
            state.submitSubmissionBatch, (address(market), BATCH, epoch, _list("p"), _list("c"), bytes32(uint256(40)))
        );
        assembly ("memory-safe") {
            mstore(add(data, 0x44), 0x80)
        }
        // Long enough for what the word there says as a length.
        data = bytes.concat(data, new bytes(512));
        vm.prank(sequencer);
        (bool ok, bytes memory answer) = address(state).call(data);
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(MarketCalls.MalformedCalldata.selector));
    }

    function test_aNameThatFitsNowhere() public {
        vm.prank(sequencer);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.ProjectIdTooLong.selector, 257, 256));
        state.submitSubmissionBatch(address(market), "b", epoch, _list(string(new bytes(257))), _list("c"), GOOD);
        vm.prank(sequencer);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.CidTooLong.selector, 129, 128));
        state.submitSubmissionBatch(address(market), "b", epoch, _list("p"), _list(string(new bytes(129))), GOOD);
        vm.prank(sequencer);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.CidTooLong.selector, 129, 128));
        state.submitSubmissionBatch(address(market), string(new bytes(129)), epoch, _list("p"), _list("c"), GOOD);
        string memory longest = string(new bytes(256));
        _submit("b", epoch, _list(longest, "p"), _list("c", "d"));
        vm.assertEq(market.batchCidToProjects("b", 0), longest);
        vm.assertEq(market.batchCidToProjects("b", 1), "p");
        vm.expectRevert();
        market.batchCidToProjects("b", 2);
        vm.expectRevert();
        market.epochIdToBatchCids(epoch, 1);
    }

    function _short(string calldata text) private pure returns (string memory) {
        return bytes(text).length <= 128 ? text : string(bytes(text)[:128]);
    }

    /// @dev Whatever a batch says reads back the same, before and after finality.
    function testFuzz_textsReadBackUnchanged(string[4] calldata cids, string calldata longBatchCid) public {
        string[] memory projects = _many(4, "project");
        string[] memory list = new string[](4);
        for (uint256 i = 0; i < 4; ++i) {
            list[i] = _short(cids[i]);
        }
        string memory batchCid = _short(longBatchCid);
        _submit(batchCid, epoch, projects, list);
        for (uint256 round = 0; round < 2; ++round) {
            for (uint256 i = 0; i < 4; ++i) {
                vm.assertEq(_cid(projects[i], epoch), list[i]);
                vm.assertEq(_status(projects[i], epoch), bytes(list[i]).length == 0 ? 0 : round);
            }
            vm.assertEq(state.epochIdToBatchCids(address(market), epoch)[0], batchCid);
            if (round == 1) break;
            _vote(v1, batchCid, epoch, GOOD);
            _vote(v2, batchCid, epoch, GOOD);
        }
    }
}
