// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {MarketDeskEvents} from "./MarketDeskEvents.sol";
import {MarketRecords} from "./MarketRecords.sol";
import {RoleSet} from "./RoleSet.sol";

/// @title What a market is about, epoch by epoch: the desk's part of `MarketSettings`
/// @notice Nothing that applied to a released epoch ever changes, so that whoever checks an old epoch finds the manifest
/// that its snapshots were made by.
abstract contract MarketManifests is MarketRecords, MarketDeskEvents {
    using RoleSet for RoleSet.Set;

    /// @dev See the market's function of this name.
    function setMarketManifest(string calldata cid, uint256 fromEpochId, address _sender) external onlyProtocolState {
        check(_sender == owner() || self.admins.has(_sender), "E08");
        check(bytes(cid).length != 0, "E45");
        require(bytes(cid).length <= CID_LENGTH_MAX, CidTooLong(bytes(cid).length, CID_LENGTH_MAX));
        require(!_hasBegun(fromEpochId), EpochAlreadyReleased(fromEpochId, self.currentId));
        uint256 count = self.manifests.length;
        if (count == 0 || _hasBegun(self.manifests[count - 1].fromEpoch)) self.manifests.push();
        else --count;
        self.manifests[count].fromEpoch = _toUint64(fromEpochId);
        self.manifests[count].cid = cid;
        emit MarketManifestSet(cid, fromEpochId, block.timestamp);
    }

    /// @dev See the market's function of this name.
    function marketManifest() external view returns (string memory, uint256, string memory, uint256) {
        uint256 count = self.manifests.length;
        uint256 begun = count != 0 && !_hasBegun(self.manifests[count - 1].fromEpoch) ? count - 1 : count;
        (string memory cid, uint256 fromEpochId) = _manifest(begun);
        if (begun == count) return (cid, fromEpochId, "", 0);
        (string memory pendingCid, uint256 pendingFromEpochId) = _manifest(count);
        return (cid, fromEpochId, pendingCid, pendingFromEpochId);
    }

    /// @dev See the market's function of this name.
    function marketManifestAt(uint256 epochId) external view returns (string memory, uint256) {
        // Above `low` none applies yet, up to `low` each began with this epoch or before.
        (uint256 low, uint256 high) = (0, self.manifests.length);
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (self.manifests[middle - 1].fromEpoch <= epochId) low = middle;
            else high = middle - 1;
        }
        return _manifest(low);
    }

    /// @dev By its number from 1 on; 0 is none.
    function _manifest(uint256 number) private view returns (string memory, uint256) {
        if (number == 0) return ("", 0);
        Manifest storage manifest = self.manifests[number - 1];
        return (manifest.cid, manifest.fromEpoch);
    }

    /// @dev Whether this epoch was released, or skipped. Ids only grow.
    function _hasBegun(uint256 epochId) private view returns (bool) {
        uint256 currentId = self.currentId;
        return epochId <= currentId && (currentId != 0 || self.epochs[0].releasedAt != 0);
    }
}
