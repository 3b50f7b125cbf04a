"""headstart: transfer learning as a tool."""
