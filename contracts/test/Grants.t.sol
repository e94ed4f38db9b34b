// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {GenerousMarket} from "./Rewards.t.sol";

/// @dev Who is paid from what: nobody takes more out than the owner of the protocol granted the market that credited it, and
/// no market reaches what is another's.
contract GrantsTest is Base {
    address private immutable thief = _actor("owner of another market");
    address private immutable victim = _actor("node holder");
    PowerloomDataMarket private theirs;

    function setUp() public override {
        super.setUp();
        vm.startPrank(owner);
        nodes.setMintStartTime(block.timestamp);
        theirs = PowerloomDataMarket(state.createDataMarket(thief, 10, 137, 2_000_000, false));
        vm.stopPrank();
        // Node 1 is the victim's, node 2 the thief's.
        _mint(victim);
        _mint(thief);
        address[] memory accounts = new address[](1);
        bool[] memory states = new bool[](1);
        (accounts[0], states[0]) = (thief, true);
        vm.prank(thief);
        state.updateAddresses(address(theirs), IDataMarket.Role.SEQUENCER, accounts, states);
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 100);
        vm.deal(address(state), 1 ether);
    }

    function _mint(address account) private {
        vm.deal(account, 1 ether);
        vm.prank(account);
        nodes.mintNode{value: 1 ether}(1);
    }

    function _grant(PowerloomDataMarket m, uint128 amount) private {
        vm.prank(owner);
        state.setRewardAllowance(address(m), true, amount);
    }

    /// @dev The thief's market credits a slot this much, on one day after the other.
    function _creditTheirs(uint256 slot, uint256 amount, uint256 day) private {
        vm.startPrank(thief);
        state.updateRewardPoolSize(address(theirs), amount);
        state.loadCurrentDay(address(theirs), day);
        state.updateRewards(address(theirs), _list(slot), _list(1000), day, 1);
        vm.stopPrank();
    }

    function _creditOurs(uint256 slot, uint256 day) private {
        vm.prank(marketOwner);
        state.loadCurrentDay(address(market), day);
        vm.prank(sequencer);
        state.updateRewards(address(market), _list(slot), _list(1000), day, 1);
    }

    function _total(address account) private view returns (uint256 total) {
        (total,,,) = state.userInfo(account);
    }

    function test_byDefaultAMarketsOwnerTakesNothing() public {
        _creditTheirs(2, 1 ether, 1);
        (bool ok,) = address(state).call(abi.encodeCall(state.claimRewards, (thief)));
        vm.assertFalse(ok);
        vm.assertEq(thief.balance, 0);
        vm.assertEq(address(state).balance, 1 ether);
        // The books say what was credited, and it is paid when it is granted.
        vm.assertEq(_total(thief), 1 ether);
        _grant(theirs, 0.25 ether);
        state.claimRewards(thief);
        vm.assertEq(thief.balance, 0.25 ether);
    }

    function test_aClaimThatNothingWasGrantedForSaysSo() public {
        _creditTheirs(2, 1 ether, 1);
        bytes4 selector = bytes4(keccak256("RewardAllowanceUsedUp(address,uint256,uint256)"));
        _refusesWith(abi.encodeWithSelector(selector, theirs, 1 ether, 0));
        state.claimRewards(thief);
    }

    /// @dev A market of the protocol's owner, who may take the balance anyway, is paid from what nobody was granted.
    function test_theProtocolsOwnerNeedsNoGrant() public {
        _grant(market, 0.75 ether);
        vm.startPrank(owner);
        address next = _nextMarket();
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.RewardAllowanceSet(next, false, 0);
        address own = state.createDataMarket(owner, 10, 137, 2_000_000, false);
        address[] memory accounts = new address[](1);
        bool[] memory states = new bool[](1);
        (accounts[0], states[0]) = (sequencer, true);
        state.updateAddresses(own, IDataMarket.Role.SEQUENCER, accounts, states);
        state.updateRewardPoolSize(own, 0.25 ether);
        vm.stopPrank();
        vm.prank(sequencer);
        state.updateRewards(own, _list(1), _list(1000), 1, 1);
        state.claimRewards(victim);
        vm.assertEq(victim.balance, 0.25 ether);
        // What is left is granted.
        vm.prank(owner);
        state.loadCurrentDay(own, 2);
        vm.prank(sequencer);
        state.updateRewards(own, _list(1), _list(1000), 2, 1);
        _refuses("Failed to send rewards");
        state.claimRewards(victim);
    }

    function _nextMarket() private returns (address next) {
        uint256 now_ = vm.snapshotState();
        next = state.createDataMarket(owner, 10, 137, 2_000_000, false);
        vm.revertToState(now_);
    }

    /// @dev However much another market credits, a victim is credited and paid by its own as before.
    function test_anotherMarketsCreditsSpoilNothing() public {
        _grant(market, 1000);
        for (uint256 day = 1; day < 4; ++day) {
            _creditTheirs(1, type(uint128).max, day);
        }
        vm.etch(address(theirs), address(new GenerousMarket(type(uint256).max)).code);
        vm.prank(thief);
        state.updateRewards(address(theirs), _list(1), _list(1000), 1, 1);
        _creditOurs(1, 1);
        state.claimRewards(victim);
        vm.assertEq(victim.balance, 100);
        _creditOurs(1, 2);
        state.claimRewards(victim);
        vm.assertEq(victim.balance, 200);
        vm.assertEq(address(state).balance, 1 ether - 200);
    }

    /// @dev A grant that is used up takes nothing of the others, and what is due beyond it stays due.
    function test_aClaimTakesWhatEachMarketHasLeft() public {
        _grant(market, 1000);
        _grant(theirs, 30);
        _creditTheirs(1, 50, 1);
        _creditOurs(1, 1);
        state.claimRewards(victim);
        vm.assertEq(victim.balance, 130);
        (, uint256 left) = state.rewardAllowance(address(theirs));
        vm.assertEq(left, 0);
        (, left) = state.rewardAllowance(address(market));
        vm.assertEq(left, 900);
        (bool ok,) = address(state).call(abi.encodeCall(state.claimRewards, (victim)));
        vm.assertFalse(ok);
        _grant(theirs, 100);
        state.claimRewards(victim);
        vm.assertEq(victim.balance, 150);
        (, uint256 claimed,,) = state.userInfo(victim);
        vm.assertEq(claimed, 150);
    }

    function test_whatIsGrantedIsAddedUp() public {
        _grant(market, 1000);
        _grant(theirs, 30);
        vm.assertEq(state.rewardsGranted(), 1030);
        _creditOurs(1, 1);
        state.claimRewards(victim);
        vm.assertEq(state.rewardsGranted(), 930);
        _grant(market, 10);
        vm.assertEq(state.rewardsGranted(), 40);
        vm.startPrank(owner);
        state.setRewardAllowance(address(market), false, 7);
        vm.assertEq(state.rewardsGranted(), 30);
        state.setRewardAllowance(address(theirs), true, 0);
        vm.stopPrank();
        vm.assertEq(state.rewardsGranted(), 0);
        (uint256 total, uint256 paid) = state.marketCredit(address(market), victim);
        vm.assertEq(total, 100);
        vm.assertEq(paid, 100);
        (total, paid) = state.marketCredit(address(theirs), victim);
        vm.assertEq(total, 0);
    }

    /// @dev Whatever two markets credit and are granted: each pays at most its grant, and together they pay what both may.
    function testFuzz_eachMarketPaysItsOwn(uint128 creditA, uint128 creditB, uint64 grantA, uint64 grantB) public {
        vm.deal(address(state), uint256(grantA) + grantB);
        _grant(market, grantA);
        _grant(theirs, grantB);
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), creditA);
        _creditTheirs(1, creditB, 1);
        _creditOurs(1, 1);
        (bool ok,) = address(state).call(abi.encodeCall(state.claimRewards, (victim)));
        uint256 expected = (creditA < grantA ? creditA : grantA) + (creditB < grantB ? creditB : grantB);
        vm.assertEq(ok, expected != 0);
        vm.assertEq(victim.balance, expected);
        vm.assertEq(_total(victim), uint256(creditA) + creditB);
    }
}
