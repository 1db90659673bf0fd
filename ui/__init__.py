"""The chat page (Streamlit): shows what the assistant says, and holds no logic of its own."""
