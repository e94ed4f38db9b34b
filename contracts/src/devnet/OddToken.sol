// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A token for a local chain that does what tokens should not: it takes a fee of what is sent, changes all balances at once, and
/// answers for its name whatever it was told to. Never deploy it where value is at stake.
contract OddToken {
    uint256 private constant UNIT = 1e18;
    uint256 private constant ALL = 10_000;

    uint8 public immutable decimals;
    uint256 private immutable FEE;
    bytes private _name;
    bytes private _symbol;

    /// Tokens of a share, in units of 1e-18.
    uint256 public scale = UNIT;
    mapping(address => uint256) private _shares;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    /// @param name_ all that `name()` returns, byte for byte; it reverts when that is nothing, as `symbol()` does
    /// @param fee of what is sent, in ten-thousandths; nobody gets it
    constructor(bytes memory name_, bytes memory symbol_, uint8 decimals_, uint256 fee) {
        _name = name_;
        _symbol = symbol_;
        decimals = decimals_;
        FEE = fee;
    }

    function name() external view {
        _answer(_name);
    }

    function symbol() external view {
        _answer(_symbol);
    }

    function balanceOf(address owner) public view returns (uint256) {
        return _shares[owner] * scale / UNIT;
    }

    /// @notice Every balance at once becomes what it is at another scale.
    function rebase(uint256 scale_) external {
        scale = scale_;
    }

    function mint(address to, uint256 amount) external {
        _shares[to] += amount * UNIT / scale;
        emit Transfer(address(0), to, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) private {
        uint256 got = amount - amount * FEE / ALL;
        _shares[from] -= (amount * UNIT + scale - 1) / scale;
        _shares[to] += got * UNIT / scale;
        emit Transfer(from, to, got);
    }

    function _answer(bytes memory answer) private pure {
        if (answer.length == 0) revert();
        assembly ("memory-safe") {
            return(add(answer, 32), mload(answer))
        }
    }
}
