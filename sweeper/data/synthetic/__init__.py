"""Generated stand-ins for the Hub: small worlds of events, said in English and two made-up languages.

They exist so that a demo and the tests run the whole product without a network. The tasks can be learned by a tiny
encoder in principle, tagging certainly; nothing is planted yet, so a gain found here says nothing about real tasks.
"""

from sweeper.data.synthetic.world import build, write_world

__all__ = ["build", "write_world"]
