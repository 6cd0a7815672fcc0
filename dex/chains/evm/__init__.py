"""Chains of the Ethereum kind, through the deployed Uniswap V2 and V3 and their forks.

Imported only where it is used: what speaks to nodes takes seconds and tens of megabytes to load.
"""

from dex.chains.evm.chain import EvmChain
from dex.chains.evm.deployments import DEPLOYMENTS, Deployment
from dex.chains.evm.facts import facts_reader
from dex.chains.evm.options import EvmOptions, ListedToken
from dex.chains.evm.transaction import chain_name

__all__ = ["DEPLOYMENTS", "Deployment", "EvmChain", "EvmOptions", "ListedToken", "chain_name", "facts_reader"]
