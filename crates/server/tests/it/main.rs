//! The server over real HTTP, with the simulator as Bitbucket.
