// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataMarketFactory} from "../src/DataMarketFactory.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {Base} from "./Base.sol";

/// @dev Gas of whole transactions through the protocol state, each run as one of its own (isolate), written to
/// contracts/snapshots. Shapes are those of the table in docs/CONTRACTS.md: 78-byte projects, 59-byte CIDs,
/// three validators, minimum two.
/// forge-config: default.isolate = true
contract GasTest is Base {
    function setUp() public override {
        super.setUp();
        vm.deal(owner, 1000 ether);
        vm.startPrank(owner);
        nodes.setMintStartTime(block.timestamp);
        nodes.mintNode{value: 101 ether}(101);
        for (uint256 i = 1; i <= 101; ++i) {
            nodes.assignSnapshotterToNode(i, address(uint160(0x9000 + i)));
        }
        vm.stopPrank();
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 1 ether);
        vm.deal(address(state), 10 ether);
        vm.prank(owner);
        state.setRewardAllowance(address(market), true, 5 ether);
    }

    function _project(uint256 i) private pure returns (string memory) {
        return
            string.concat("pairContract_trade_volume:", vm.toString(address(uint160(0x1111 << 140 | i))), ":UNISWAPV2");
    }

    /// @dev Well-formed CIDs that differ: the last characters of the digest count up in base 32.
    function _cidOf(uint256 i) private pure returns (string memory) {
        bytes memory cid = bytes("bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy");
        bytes memory alphabet = "abcdefghijklmnopqrstuvwxyz234567";
        cid[50] = alphabet[i & 31];
        cid[49] = alphabet[i >> 5 & 31];
        cid[48] = alphabet[i >> 10 & 31];
        return string(cid);
    }

    function _batch(uint256 count) private pure returns (string[] memory projects, string[] memory cids) {
        projects = new string[](count);
        cids = new string[](count);
        for (uint256 i = 0; i < count; ++i) {
            (projects[i], cids[i]) = (_project(i), _cidOf(i));
        }
    }

    function _measure(string memory name) private {
        vm.snapshotGasLastCall(name);
    }

    function _rounds(uint256 count, string memory label) private {
        (string[] memory projects, string[] memory cids) = _batch(count);
        for (uint256 round = 0; round < 2; ++round) {
            string memory suffix = string.concat(label, round == 0 ? ", new" : ", steady");
            uint256 epoch = _release();
            string memory cid = _cidOf(1000 + round);
            _submit(cid, epoch, projects, cids);
            _measure(string.concat("submitSubmissionBatch ", suffix));
            _vote(v1, cid, epoch, round == 0 ? GOOD : BAD);
            if (count == 10) _measure(round == 0 ? "vote, agreeing" : "vote, divergent");
            _vote(v2, cid, epoch, GOOD);
            if (round == 0) {
                _measure(string.concat("finalizing vote ", suffix));
                _vote(v3, cid, epoch, GOOD);
                if (count == 10) _measure("vote on a final batch");
                continue;
            }
            _vote(v3, cid, epoch, GOOD);
            _measure(string.concat("finalizing vote ", suffix, ", 1 divergent"));
        }
    }

    function test_gas_1() public {
        _rounds(1, "1 project");
    }

    function test_gas_10() public {
        _rounds(10, "10 projects");
    }

    function test_gas_50() public {
        _rounds(50, "50 projects");
    }

    function test_gas_100() public {
        _rounds(100, "100 projects");
    }

    function test_gas_manyBatches() public {
        uint256 epoch = _release();
        for (uint256 i = 0; i < 20; ++i) {
            (string[] memory projects, string[] memory cids) = (_list(_project(i)), _list(_cidOf(i)));
            _submit(_cidOf(100 + i), epoch, projects, cids);
        }
        _vote(v1, _cidOf(109), epoch, GOOD);
        _measure("vote, 10th batch of the epoch");
        _vote(v1, _cidOf(119), epoch, GOOD);
        _measure("vote, 20th batch of the epoch");
        uint256 inTime = vm.snapshotState();
        vm.roll(block.number + 31);
        _vote(v1, _cidOf(117), epoch, GOOD);
        _measure("late vote");
        (string[] memory ten, string[] memory tenCids) = _batch(10);
        _submit(_cidOf(200), epoch, ten, tenCids);
        _measure("submitSubmissionBatch 10 projects, late");
        vm.revertToState(inTime);
        _vote(v1, _cidOf(118), epoch, BAD);
        _vote(v2, _cidOf(118), epoch, BAD);
        _measure("vote that asks for resubmission, 20th batch");
        vm.roll(block.number + 31);
        _vote(v1, _cidOf(117), epoch, GOOD);
        _measure("late vote in an epoch with a disagreement");
    }

    function test_gas_force() public {
        uint256 epoch = _release();
        (string[] memory projects, string[] memory cids) = _batch(10);
        _submit(_cidOf(100), epoch, projects, cids);
        vm.prank(marketOwner);
        state.updateMinAttestationsForConsensus(address(market), 1);
        _vote(v1, _cidOf(100), epoch, GOOD);
        vm.roll(block.number + 31);
        vm.prank(marketOwner);
        state.forceCompleteConsensusAttestations(address(market), _cidOf(100), epoch);
        _measure("forceComplete, 10 projects");
    }

    function test_gas_roots() public {
        vm.prank(marketOwner);
        state.setRootOnlyBatches(address(market), true);
        uint256 epoch = _release();
        IDataMarket.RootBatch[] memory batches = new IDataMarket.RootBatch[](1);
        batches[0] = IDataMarket.RootBatch(_cidOf(100), GOOD, BAD);
        vm.prank(sequencer);
        state.submitRootOnlyBatches(address(market), epoch, batches);
        _measure("submitRootOnlyBatches, 1 batch");
        batches = new IDataMarket.RootBatch[](10);
        for (uint256 i = 0; i < 10; ++i) {
            batches[i] = IDataMarket.RootBatch(_cidOf(200 + i), GOOD, BAD);
        }
        vm.prank(sequencer);
        state.submitRootOnlyBatches(address(market), epoch, batches);
        _measure("submitRootOnlyBatches, 10 batches");
        _vote(v1, _cidOf(100), epoch, GOOD);
        _vote(v2, _cidOf(100), epoch, GOOD);
        _measure("finalizing vote, root-only batch of any size");
    }

    function test_gas_epochs() public {
        vm.startPrank(manager);
        state.releaseEpoch(address(market), 1, 10);
        _measure("releaseEpoch, first of a market");
        state.releaseEpoch(address(market), 11, 20);
        _measure("releaseEpoch, steady");
        vm.stopPrank();
        vm.prank(sequencer);
        state.endBatchSubmissions(address(market), 2);
        _measure("endBatchSubmissions");
        vm.startPrank(marketOwner);
        state.forceSkipEpoch(address(market), 421, 430);
        _measure("forceSkipEpoch");
        vm.stopPrank();
        vm.prank(manager);
        state.releaseEpoch(address(market), 431, 440);
        _measure("releaseEpoch that starts a day");
    }

    function _slots(uint256 first, uint256 count) private pure returns (uint256[] memory slots) {
        slots = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            slots[i] = first + i;
        }
    }

    function _counts(uint256 count, uint256 each) private pure returns (uint256[] memory counts) {
        counts = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            counts[i] = each;
        }
    }

    function _reward(uint256 first, uint256 count, uint256 each, uint256 eligible, string memory name) private {
        (uint256[] memory slots, uint256[] memory counts) = (_slots(first, count), _counts(count, each));
        vm.prank(sequencer);
        state.updateRewards(address(market), slots, counts, 1, eligible);
        _measure(name);
    }

    function test_gas_rewards() public {
        _reward(1, 1, 1000, 100, "updateRewards 1 slot, first call of the day, quota met");
        _reward(2, 1, 1000, 100, "updateRewards 1 slot, later call, quota met");
        _reward(3, 10, 1000, 100, "updateRewards 10 slots, quota met");
        _reward(13, 50, 1000, 100, "updateRewards 50 slots, quota met");
        _reward(1, 0, 0, 0, "updateRewards without slots");
        state.claimRewards(owner);
        _measure("claimRewards");
    }

    function test_gas_counts() public {
        _reward(1, 50, 10, 100, "updateRewards 50 slots, below quota");
        _reward(1, 50, 20, 0, "updateRewards 50 slots, counts rewritten, eligibleNodes 0");
    }

    function test_gas_deployment() public {
        uint256 before = gasleft();
        new DataMarketFactory();
        vm.snapshotValue("deploy factory with market code", before - gasleft());
        before = gasleft();
        new PowerloomProtocolState();
        vm.snapshotValue("deploy protocol state with the desk", before - gasleft());
        vm.prank(owner);
        state.createDataMarket(marketOwner, 10, 137, 2_000_000, false);
        _measure("createDataMarket");
    }
}
