//! The software ESP that the engine is compared with.
