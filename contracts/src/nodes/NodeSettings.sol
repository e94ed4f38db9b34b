// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValueOutOfRange} from "../Errors.sol";
import {RoleSet} from "../market/RoleSet.sol";
import {NodeBase} from "./NodeBase.sol";

/// @title What the owner of the node registry sets
/// @notice Everything here is for the owner (`OwnableUnauthorizedAccount` otherwise), except reading.
abstract contract NodeSettings is NodeBase {
    using RoleSet for RoleSet.Set;

    /// @notice An address became an admin, or ceased to be one.
    event AdminsUpdated(address adminAddress, bool allowed);
    /// @notice The setting `paramName` has a new value.
    event ConfigurationUpdated(string paramName, uint256 newValue);
    /// @notice Ether arrived.
    event Deposit(address indexed from, uint256 amount);
    /// @notice The owner took the balance out.
    event EmergencyWithdraw(address indexed owner, uint256 amount);
    /// @notice The registry has a new name.
    event NameUpdated(string newName);
    /// @notice The tokens have a new metadata URI.
    event URIUpdated(string newUri);

    /// @notice Grants (`true`) or takes (`false`) the admin role; an event for each change.
    /// Errors: "Input lengths do not match".
    function updateAdmins(address[] calldata _admins, bool[] calldata _status) external onlyOwner {
        require(_admins.length == _status.length, "Input lengths do not match");
        for (uint256 i = 0; i < _admins.length; ++i) {
            if (self.admins.put(_admins[i], _status[i])) emit AdminsUpdated(_admins[i], _status[i]);
        }
    }

    /// @notice Sets the metadata URI of all tokens.
    function setURI(string calldata newuri) external onlyOwner {
        _setURI(newuri);
        emit URIUpdated(newuri);
    }

    /// @notice Sets the name.
    function setName(string calldata _name) external onlyOwner {
        self.name = _name;
        emit NameUpdated(_name);
    }

    /// @notice From when on anyone may mint, in seconds since 1970; 0 closes minting.
    function setMintStartTime(uint256 _mintStartTime) external onlyOwner {
        require(_mintStartTime <= type(uint40).max, ValueOutOfRange(_mintStartTime, type(uint40).max));
        self.mintStartTime = uint40(_mintStartTime);
        emit ConfigurationUpdated("MintStartTime", _mintStartTime);
    }

    /// @notice Seconds between two assignments of a node by its owner, the mint counting as the first.
    function setSnapshotterAddressChangeCooldown(uint256 _snapshotterAddressChangeCooldown) external onlyOwner {
        self.addressChangeCooldown = _snapshotterAddressChangeCooldown;
        emit ConfigurationUpdated("SnapshotterAddressChangeCooldown", _snapshotterAddressChangeCooldown);
    }

    /// @notice Seconds from burning a public node to claiming its price.
    function setSnapshotterTokenClaimCooldown(uint256 _snapshotterTokenClaimCooldown) external onlyOwner {
        self.tokenClaimCooldown = _snapshotterTokenClaimCooldown;
        emit ConfigurationUpdated("SnapshotterTokenClaimCooldown", _snapshotterTokenClaimCooldown);
    }

    /// @notice Wei for one public node, from now on. Errors: "Node price must be greater than 0".
    function updateNodePrice(uint256 _nodePrice) external onlyOwner {
        _setNodePrice(_nodePrice);
        emit ConfigurationUpdated("NodePrice", _nodePrice);
    }

    function _setNodePrice(uint256 price) internal {
        require(price > 0, "Node price must be greater than 0");
        self.nodePrice = _toUint112(price);
    }

    /// @notice The highest node id there may ever be. Errors: E46 (not above the number of nodes minted).
    function updateMaxSupply(uint256 _maxSupply) external onlyOwner {
        require(_maxSupply > self.nodeCount, "E46");
        // Ids are kept in 32 bits.
        require(_maxSupply <= type(uint32).max, ValueOutOfRange(_maxSupply, type(uint32).max));
        self.maxSupply = _maxSupply;
        emit ConfigurationUpdated("MaxSupply", _maxSupply);
    }

    /// @notice What legacy nodes are worth and when: ids up to the count are legacy.
    /// @param _legacyNodeInitialClaimPercentage share of value minus L1 amount paid on burning, in 10⁻⁶
    /// @param _legacyNodeCliff days after the start in which nothing vests
    /// @param _legacyNodeValue wei per node
    /// @param _legacyNodeVestingDays days after the start when everything is vested
    /// @param _legacyNodeVestingStart seconds since 1970
    /// @param _legacyTokensSentOnL1 wei per node already paid elsewhere
    /// @param _legacyNodeNonKycedCooldown seconds after the start when nodes without KYC may be burned and claimed
    function configureLegacyNodes(
        uint256 _legacyNodeCount,
        uint256 _legacyNodeInitialClaimPercentage,
        uint256 _legacyNodeCliff,
        uint256 _legacyNodeValue,
        uint256 _legacyNodeVestingDays,
        uint256 _legacyNodeVestingStart,
        uint256 _legacyTokensSentOnL1,
        uint256 _legacyNodeNonKycedCooldown
    ) external onlyOwner {
        require(_legacyNodeInitialClaimPercentage <= 1e6, "Initial claim percentage must be less than 100%");
        require(_legacyNodeValue > 0, "Legacy node value must be greater than 0");
        require(_legacyTokensSentOnL1 < _legacyNodeValue, "Tokens sent on L1 must be less than the total node value");
        require(_legacyNodeVestingDays > _legacyNodeCliff, "Vesting days must be greater than the cliff period");
        _toUint112(_legacyNodeValue);
        self.legacy = LegacyConfig(
            _legacyNodeCount,
            _legacyNodeInitialClaimPercentage,
            _legacyNodeCliff,
            _legacyNodeValue,
            _legacyNodeVestingDays,
            _legacyNodeVestingStart,
            _legacyTokensSentOnL1,
            _legacyNodeNonKycedCooldown
        );
        emit ConfigurationUpdated("LegacyNodesConfig", _legacyNodeCount);
    }

    /// @notice Stops minting, burning and claiming.
    function pause() external onlyOwner {
        _pause();
    }

    /// @notice Lets them go on.
    function unpause() external onlyOwner {
        _unpause();
    }

    /// @notice Sends the whole balance to the owner. Errors: "Transfer failed".
    function emergencyWithdraw() external onlyOwner nonReentrant {
        uint256 amount = address(this).balance;
        _pay(msg.sender, amount);
        emit EmergencyWithdraw(msg.sender, amount);
    }

    /// @notice All admins, in no particular order.
    function getAdmins() external view returns (address[] memory) {
        return self.admins.members;
    }

    /// @notice The name of the registry.
    function name() external view returns (string memory) {
        return self.name;
    }

    /// @notice Wei for one public node.
    function nodePrice() external view returns (uint256) {
        return self.nodePrice;
    }

    /// @notice The highest node id there may be.
    function MAX_SUPPLY() external view returns (uint256) {
        return self.maxSupply;
    }

    /// @notice From when on anyone may mint; 0 while closed.
    function mintStartTime() external view returns (uint256) {
        return self.mintStartTime;
    }

    /// @notice In seconds.
    function snapshotterAddressChangeCooldown() external view returns (uint256) {
        return self.addressChangeCooldown;
    }

    /// @notice In seconds.
    function snapshotterTokenClaimCooldown() external view returns (uint256) {
        return self.tokenClaimCooldown;
    }

    /// @notice Ids up to this one are legacy nodes.
    function legacyNodeCount() external view returns (uint256) {
        return self.legacy.count;
    }

    /// @notice In 10⁻⁶ of value minus L1 amount.
    function legacyNodeInitialClaimPercentage() external view returns (uint256) {
        return self.legacy.initialClaimShare;
    }

    /// @notice In days.
    function legacyNodeCliff() external view returns (uint256) {
        return self.legacy.cliffDays;
    }

    /// @notice In wei.
    function legacyNodeValue() external view returns (uint256) {
        return self.legacy.value;
    }

    /// @notice In days.
    function legacyNodeVestingDays() external view returns (uint256) {
        return self.legacy.vestingDays;
    }

    /// @notice In seconds since 1970.
    function legacyNodeVestingStart() external view returns (uint256) {
        return self.legacy.vestingStart;
    }

    /// @notice In wei.
    function legacyTokensSentOnL1() external view returns (uint256) {
        return self.legacy.sentOnL1;
    }

    /// @notice In seconds.
    function legacyNodeNonKycedCooldown() external view returns (uint256) {
        return self.legacy.nonKycedCooldown;
    }

    /// @notice Wei paid at once when a KYC legacy node is burned.
    function getLegacyInitialClaim() external view returns (uint256) {
        return _initialClaim();
    }
}
