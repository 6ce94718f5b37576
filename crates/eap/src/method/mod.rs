//! The methods, as the server plays them.
