"""Ways to reach people: mail and texts to phones, behind `outside.Mail` and `outside.Sms`."""
