"""One room per Lambda function: how one thing is done."""
