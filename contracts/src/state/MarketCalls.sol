// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Passing a call on to a market without reading it
/// @notice Every function here has the market as first argument; the market's twin has the caller as last instead. Both
/// heads are equally long, so strings and arrays keep their offsets and the calldata is passed on as it came: selector
/// and first word are dropped, the caller's address is put behind the last word of the head.
abstract contract MarketCalls {
    /// @notice Arguments overlap in a way that no encoder makes.
    error MalformedCalldata();

    /// @dev Calls the market's twin and answers with the first two words it returned. `headWords`: number of arguments.
    function _pass(address market, bytes4 selector, uint256 headWords)
        internal
        returns (uint256 first, uint256 second)
    {
        bytes memory data = _rewrite(selector, headWords);
        assembly ("memory-safe") {
            mstore(0x00, 0)
            mstore(0x20, 0)
            if iszero(call(gas(), market, 0, add(data, 0x20), mload(data), 0x00, 0x40)) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            first := mload(0x00)
            second := mload(0x20)
        }
    }

    /// @dev What is passed on is read once more by the market: an offset that points into the head, which is another one
    /// there, would make it two.
    function _checkBehindHead(string calldata text, uint256 headWords) internal pure {
        uint256 offset;
        assembly ("memory-safe") {
            offset := text.offset
        }
        _checkPlace(offset - 0x20, headWords);
    }

    /// @dev The same for a list of texts. What its elements are is for the market alone to read.
    function _checkBehindHead(string[] calldata list, uint256 headWords) internal pure {
        uint256 offset;
        assembly ("memory-safe") {
            offset := list.offset
        }
        _checkPlace(offset - 0x20, headWords);
    }

    /// @dev `place`: where an argument that is not in the head begins.
    function _checkPlace(uint256 place, uint256 headWords) internal pure {
        require(place >= 4 + 32 * headWords, MalformedCalldata());
    }

    /// @dev Asks the market's twin and ends the call with its answer. A market without code gives no answer: reverts.
    function _ask(address market, bytes4 selector, uint256 headWords) internal view {
        _answer(market, _rewrite(selector, headWords));
    }

    /// @dev The same about a text among the arguments.
    function _ask(address market, bytes4 selector, uint256 headWords, string calldata text) internal view {
        _checkBehindHead(text, headWords);
        _ask(market, selector, headWords);
    }

    /// @dev Asks `target` and ends the call with its answer.
    function _answer(address target, bytes memory data) internal view {
        assembly ("memory-safe") {
            let ok := staticcall(gas(), target, add(data, 0x20), mload(data), 0, 0)
            let free := mload(0x40)
            returndatacopy(free, 0, returndatasize())
            if or(iszero(ok), iszero(returndatasize())) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    function _rewrite(bytes4 selector, uint256 headWords) private view returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(0x40, and(add(add(data, calldatasize()), 0x3f), not(0x1f)))
            mstore(data, calldatasize())
            let body := add(data, 0x24)
            let head := shl(5, headWords)
            mstore(add(data, 0x20), selector)
            calldatacopy(body, 0x24, sub(head, 0x20))
            mstore(add(body, sub(head, 0x20)), caller())
            calldatacopy(add(body, head), add(4, head), sub(calldatasize(), add(4, head)))
        }
    }
}
